"""MODEL_CARD.md beside a restorer: for people, what it is, what it was trained on, how well it does, and its limits.

The sections follow Mitchell et al. 2019, "Model Cards for Model Reporting". Scores are means over the test fields; the
table with every image is `scores.parquet` beside it.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from multiscope.nn.cards import WEIGHTS, read_card

MODEL_CARD = "MODEL_CARD.md"
LICENCE = "BSD-3-Clause"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~&:@])")
_LONGEST = 200


def write_model_card(folder: Path, *, scores: pd.DataFrame, training: Mapping[str, Any]) -> None:
    """Write the card of the restorer in `folder`, whose `model.json` is there already.

    `scores` is the stage's table (columns of `SCORE_COLUMNS`), with the rows of the method `input` (nothing done).
    `training` says how it was trained: `dataset`, `split_digest`, `training_fields`, `test_fields`, `learns_from`,
    `augmentation`, `pairs` ({defect: (real, synthetic)}), `steps`, `batch_size`, `seed`; further keys are shown too.
    """
    card = read_card(folder)
    parts = [
        f"# Restorer {as_text(card.get('method', card['architecture']))}",
        *_what_it_is(card),
        "## Trained on",
        *_trained_on(training),
        "## Scores",
        *_scores(scores),
        "## Limits",
        *_limits(card, training),
        "## Use",
        *_use(card),
        "## Licence",
        f"The weights come under the licence of multiscope, {LICENCE}, as far as that of the training images allows.",
    ]
    (folder / MODEL_CARD).write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def as_text(value: object) -> str:
    """A value from a configuration or a file, as text in Markdown: on one line, nothing in it is markup."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    printable = "".join(character if character.isprintable() else " " for character in text)
    short = printable if len(printable) <= _LONGEST else printable[:_LONGEST] + "..."
    return _SPECIAL.sub(r"\\\1", " ".join(short.split()))


def _what_it_is(card: Mapping[str, Any]) -> Iterator[str]:
    told = "is told which one is there" if card.get("conditional") else "is not told which one is there"
    yield (
        f"Removes {_listed(card['defects'])} from planes of fluorescence images; it {told}. Network "
        f"{as_text(card['architecture'])}, {as_text(card['parameters'])} parameters, made by multiscope "
        f"{as_text(importlib.metadata.version('multiscope'))}. sha256 of {as_text(WEIGHTS)}: {as_text(card['sha256'])}"
    )


def _trained_on(training: Mapping[str, Any]) -> Iterator[str]:
    known = {
        "dataset": "Data set",
        "split_digest": "Digest of its split",
        "training_fields": "Training fields",
        "test_fields": "Test fields, never seen in training",
        "learns_from": "Learns from",
        "augmentation": "Augmentation",
        "steps": "Steps",
        "batch_size": "Patches a step",
        "seed": "Seed",
    }
    rows = [(title, training[key]) for key, title in known.items() if key in training]
    for defect, counts in dict(training.get("pairs", {})).items():
        real, synthetic = counts
        rows.append((f"Pairs of {defect}", f"{real} real, {synthetic} synthetic"))
    rows += [(key, value) for key, value in training.items() if key not in known and key != "pairs"]
    yield "\n".join(f"- {as_text(title)}: {as_text(value)}" for title, value in rows)


def _scores(scores: pd.DataFrame) -> Iterator[str]:
    """One row a defect, metric and rule: the mean of the input and of what was restored."""
    methods = sorted(set(scores["method"]), key=lambda name: (name != "input", name))
    keys = ["defect", "metric", "rule"]
    means = scores.groupby([*keys, "method"], sort=True)["value"].mean().unstack("method")
    images = scores.groupby(keys)["image_id"].nunique()
    head = ["defect", "metric", "rule", "images", *methods]
    lines = ["| " + " | ".join(map(as_text, head)) + " |", "|" + "---|" * len(head)]
    for place, row in means.iterrows():
        assert isinstance(place, tuple)
        cells = [*place, images[place], *(f"{row[method]:.4g}" for method in methods)]
        lines.append("| " + " | ".join(map(as_text, cells)) + " |")
    yield "Means over the channels of the test fields; `input` is the degraded image as it is."
    yield "\n".join(lines)


def _limits(card: Mapping[str, Any], training: Mapping[str, Any]) -> Iterator[str]:
    ranges = [
        f"{as_text(name)} from {as_text(float(card['scale'][name]['low']))} to "
        f"{as_text(float(card['scale'][name]['high']))}"
        for name in card["channels"]
    ]
    size = card.get("pixel_size_um")
    pixel = f"{as_text(size)} micrometres" if size is not None else "unknown"
    yield "\n".join(
        [
            "- Channels and their intensities in training (0.1 and 99.9 percentile, camera units): "
            f"{'; '.join(ranges)}. Images from another camera, gain or exposure lie elsewhere, and what is made of "
            "them was not tested.",
            f"- Size of a pixel in training: {pixel}. Other sizes show it other structures.",
            f"- Patches of {as_text(card['tile'])} pixels: nothing that is seen only at a larger scale was learned.",
            f"- Defects: {_listed(card['defects'])}, as strong as in the data set "
            f"{as_text(training.get('dataset', 'it was trained on'))}. Others, mixtures and other strengths are "
            "untested.",
            "- Planes: neighbours in z and time are not looked at.",
            "- It may invent structures or lose them, and gives no error of its own. Look at the command `trust`.",
            "- Not for diagnosis, not for images of other kinds of samples without a test on clean images of them, not "
            "as the only evidence that a structure is there, and not for brightness that is compared between images "
            "restored by different models.",
        ]
    )


def _use(card: Mapping[str, Any]) -> Iterator[str]:
    defect = f" --defect {_quoted(card['defects'][0])}" if card.get("conditional") else ""
    yield f"```bash\nmultiscope restore apply FOLDER image.zarr restored.zarr{defect}\n```"
    yield "FOLDER is the folder of this file; `model.json` and the weights are all that is needed of it."


def _quoted(name: str) -> str:
    """A name within a block of code: what could end it is left out."""
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name)


def _listed(names: list[str]) -> str:
    return ", ".join(map(as_text, names)) or "no defect"
