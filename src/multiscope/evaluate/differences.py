"""Paired differences between encoders, and between sources of one encoder, on the same draws of the same proteins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from multiscope.evaluate.scores.ranking import interval
from multiscope.evaluate.scores.score import Draws
from multiscope.evaluate.scoring import Scored

COLUMNS = (
    "source_a", "encoder_a", "source_b", "encoder_b", "standard", "scale", "metric",
    "difference", "ci_low", "ci_high", "n_seeds_a", "n_seeds_b",
)  # fmt: skip
Key = tuple[str, str]


def differences(scored: Sequence[Scored], *, confidence: float) -> list[dict[str, Any]]:
    """A row for each two encoders of a source, and each two sources of an encoder: the first less the second.

    Of what was scored several times with other seeds, the mean. The interval is that of the differences draw by draw,
    on the same proteins, so it says whether one is ahead where their own intervals overlap. Scores of clusters against
    modules have none. It holds no spread over seeds: see the table of scores.
    """
    rows = []
    for (standard, scale, metric), of_score in _by_score(scored).items():
        for a, b in itertools.combinations(of_score, 2):
            if (a[0] == b[0]) != (a[1] == b[1]):
                value, low, high = _difference(of_score[a], of_score[b], confidence)
                runs = (*a, *b, standard, scale, metric, value, low, high, len(of_score[a]), len(of_score[b]))
                rows.append(dict(zip(COLUMNS, runs, strict=True)))
    return rows


def _by_score(
    scored: Sequence[Scored],
) -> dict[tuple[str, str, str], dict[Key, list[tuple[float, Draws]]]]:
    """Values and draws of each seed, by (source, encoder), by score."""
    own = [each for each in scored if not each.table.swept]
    layers: dict[str, set[str]] = {}
    for each in own:
        layers.setdefault(each.table.encoder, set()).add(each.table.layer)
    found: dict[tuple[str, str, str], dict[Key, list[tuple[float, Draws]]]] = {}
    for each in own:
        encoder, layer = each.table.encoder, each.table.layer
        name = encoder if len(layers[encoder]) == 1 else f"{encoder}/{layer}"
        for score in each.found.scores:
            standard = each.against.standard
            of_score = found.setdefault((standard.name, standard.scale, score.metric), {})
            draws = score.draws if score.over == "proteins" else np.empty(0)
            of_score.setdefault((each.table.source, name), []).append((score.value, draws))
    return found


def _difference(
    a: Sequence[tuple[float, Draws]], b: Sequence[tuple[float, Draws]], confidence: float
) -> tuple[float, float, float]:
    value = float(np.mean([each for each, _ in a]) - np.mean([each for each, _ in b]))
    drawn = [np.mean([draws for _, draws in side], axis=0) for side in (a, b) if all(len(draws) for _, draws in side)]
    if len(drawn) < 2 or drawn[0].shape != drawn[1].shape:
        return value, float("nan"), float("nan")
    return value, *interval(drawn[0] - drawn[1], confidence)
