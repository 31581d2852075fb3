"""Test cells of each class that a classifier is most and least sure of, and those where it is surely wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiscope.data.crops import Crops
from multiscope.report.album import WIDTH, Album, ends, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, read_json
from multiscope.report.pictures import show_image, window_of
from multiscope.report.predictions import MOST_PICTURED, Predictions, probability

EACH = 3
"""Cells of each kind and class."""
KINDS = ("surest, right", "least sure", "surest, wrong")
_ROW = 1.42


def examples(predicted: Predictions) -> pd.DataFrame:
    """Rows of the first seed's table with `class`, `kind` (of KINDS) and `said`: what the cell is called, how surely.

    Where a cell has one class, sure is a high probability of the class that is named. Where it may have several places,
    each place is taken by itself: sure is a probability of that place near 0 or 1.
    """
    table = predicted.first
    found = []
    for name in predicted.commonest(MOST_PICTURED):
        own = table[predicted.of(name, table)]
        if predicted.several:
            own = own.assign(sure=np.abs(probability(own, name) - 0.5), right=probability(own, name) >= 0.5)
            said = [f"{p:.2f}" for p in probability(own, name)]
        else:
            own = own.assign(sure=own["probability"], right=own["predicted"] == own["truth"])
            said = [f"{ends(cls, 13)} {p:.2f}" for cls, p in zip(own["predicted"], own["probability"], strict=True)]
        own = own.assign(said=said, **{"class": name}).sort_values(["sure", "cell_id"], ascending=False)
        right, wrong = own[own["right"]], own[~own["right"]]
        kinds = (right.head(EACH), own.tail(EACH)[::-1], wrong.head(EACH))
        found += [part.assign(kind=kind) for kind, part in zip(KINDS, kinds, strict=True)]
    return pd.concat(found, ignore_index=True)


def confident_cells(album: Album, predicted: Predictions, crops: Folder) -> Plot:
    """A row a class, of which the crops in the protein's channel."""
    chosen, store = examples(predicted), Crops(crops.path)
    channel = protein_channel(predicted.folders[0], store)
    rows = pd.Index(store.table["cell_id"].astype(str)).get_indexer(pd.Index(chosen["cell_id"].astype(str)))
    images = store.read(rows.astype(np.int64), store.channel_indices([channel]))[:, 0].astype(np.float64)
    names = predicted.commonest(MOST_PICTURED)
    with look():
        figure = new_figure(WIDTH, len(names) * _ROW + 0.3)
        axes = figure.subplots(len(names), len(KINDS) * EACH, squeeze=False)
        for line, name in zip(axes, names, strict=True):
            n, n_right = counts(predicted, name)
            line[0].set_ylabel(f"{ends(name, 18)}\n{n:,} cells\n{n_right:,} right", fontsize=8)
            for number, kind in enumerate(KINDS):
                members = chosen.index[(chosen["class"] == name) & (chosen["kind"] == kind)]
                for axis, row in zip(line[number * EACH :], members, strict=False):
                    show_image(axis, images[row], window_of(images[row]))
                    axis.set_xlabel(f"{short(chosen['cell_id'][row], 18)}\n{chosen['said'][row]}", fontsize=7)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.patch.set_alpha(0 if not axis.images else 1)
        for number, kind in enumerate(KINDS):
            axes[0][number * EACH].set_title(kind, fontsize=9.5)
        data = chosen[["class", "kind", "cell_id", "protein", "field_id", "truth", "predicted", "probability", "said"]]
        return album.add(f"confident_{predicted.encoder}", figure, data, **_words(predicted, channel))


def counts(predicted: Predictions, name: str) -> tuple[int, int]:
    """Test cells of a class, first seed, and how many of them are said to be of it (alone, where only one is)."""
    own = predicted.first[predicted.of(name, predicted.first)]
    right = predicted.names(name, own) if predicted.several else (own["predicted"] == own["truth"]).to_numpy()
    return len(own), int(right.sum())


def protein_channel(model: Folder, crops: Crops) -> str:
    """The first channel that the network takes."""
    taken = read_json(model.path / "model.json").get("channels") or crops.channels
    return str(taken[0])


def _words(predicted: Predictions, channel: str) -> dict[str, str]:
    seed = predicted.folders[0].seed
    of_seed = "" if seed is None or len(predicted.folders) < 2 else f", seed {seed}"
    sure = (
        "the probability of the place, sure where it is near 0 or 1"
        if predicted.several
        else "what the cell is called and the probability of that"
    )
    return {
        "title": f"{predicted.encoder}{of_seed}: cells it is sure of, and not",
        "alt": f"Crops of test cells of {', '.join(predicted.commonest(MOST_PICTURED))}: {'; '.join(KINDS)}.",
        "caption": (
            f"Test cells in channel {channel}, each in its own window of intensities; up to {EACH} of each kind. A row "
            "holds cells of one true class; at the left how many there are and how many are right. Below each cell its "
            f"name, and {sure}. Cells that are surely wrong are where to look for wrong labels, dead or cut cells, and "
            "proteins in places that the label does not name."
        ),
    }
