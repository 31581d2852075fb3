"""How well localization is recognised on held-out fields: scores, and the confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.data.labels import BETWEEN
from multiscope.report.album import WIDTH, Album, ends, look, new_figure
from multiscope.report.blocks import Plot, percent, plural
from multiscope.report.predictions import MOST_CLASSES

_OTHER = "other"
_MOST_WRITTEN = 15
_LONGEST = 28
"""Letters of a class's name."""


@dataclass(frozen=True)
class Recognition:
    """Scores of one classifier on test cells, over its seeds; shares lie in [0, 1]."""

    encoder: str
    accuracy: float
    interval: tuple[float, float]
    by_seed: list[float]
    balanced: float
    chance: float
    majority: str
    n_cells: int
    n_fields: int


def recognition(encoder: str, table: pd.DataFrame) -> Recognition:
    """Accuracy with its 95% interval, balanced accuracy, and chance: always naming the commonest class.

    `table` is that of `multiscope.report.predictions.Predictions`. A cell in several places is one of a class `a|b`.
    """
    correct = table["truth"] == table["predicted"]
    one_seed = table[table["seed"].isna() | (table["seed"] == table["seed"].min())]
    shares = one_seed["truth"].value_counts(normalize=True).sort_index().sort_values(ascending=False, kind="stable")
    return Recognition(
        encoder=encoder,
        accuracy=float(correct.mean()),
        interval=accuracy_interval(correct, table["unit"]),
        by_seed=[float(part.mean()) for _, part in correct.groupby(table["seed"], dropna=False)],
        balanced=float(correct.groupby(table["truth"]).mean().mean()),
        chance=float(shares.iloc[0]),
        majority=str(shares.index[0]),
        n_cells=len(one_seed),
        n_fields=int(one_seed["unit"].nunique()),
    )


def accuracy_interval(correct: pd.Series, units: pd.Series) -> tuple[float, float]:
    """Wilson's 95% interval for a share of cells that come in fields.

    Cells of one field resemble each other; the number of cells is brought down to what it is worth, from the spread
    between fields (a ratio estimate's variance). Without any spread the number of fields counts.
    """
    per_unit = pd.DataFrame({"hits": correct.astype(float), "n": 1.0}).groupby(units).sum()
    n, k = float(per_unit["n"].sum()), len(per_unit)
    p = float(per_unit["hits"].sum()) / n
    variance = float(((per_unit["hits"] - p * per_unit["n"]) ** 2).sum()) / n**2 * (k / max(k - 1, 1))
    worth = min(n, p * (1 - p) / variance) if variance > 0 and 0 < p < 1 else float(k)
    z = 1.959964
    centre = (p + z**2 / (2 * worth)) / (1 + z**2 / worth)
    half = z / (1 + z**2 / worth) * np.sqrt(p * (1 - p) / worth + z**2 / (4 * worth**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def matrix(table: pd.DataFrame) -> pd.DataFrame:
    """Counts, rows truth and columns predicted; rare classes beyond the limit are put together."""
    counts = table["truth"].value_counts()
    counts = counts.add(table["predicted"].value_counts(), fill_value=0).sort_values(ascending=False, kind="stable")
    kept = set(counts.index[:MOST_CLASSES])
    names = [*sorted(kept), *([_OTHER] if len(counts) > MOST_CLASSES else [])]
    truth, predicted = (table[c].where(table[c].isin(kept), _OTHER) for c in ("truth", "predicted"))
    return pd.crosstab(truth, predicted).reindex(index=names, columns=names, fill_value=0)


def confusion(album: Album, scores: Recognition, table: pd.DataFrame) -> Plot:
    """The confusion matrix of one classifier, rows brought to 100 %."""
    counts = matrix(table)
    shares = counts.to_numpy(float) / np.maximum(counts.to_numpy(float).sum(axis=1, keepdims=True), 1)
    n = len(counts)
    side = min(WIDTH - 2.6, max(2.6, 0.78 * n))
    with look():
        figure = new_figure(side + 2.6, side + 1.0)
        axis = figure.subplots()
        image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(n), [ends(name, _LONGEST) for name in counts.columns], rotation=40, ha="right")
        axis.set_yticks(range(n), [ends(name, _LONGEST) for name in counts.index])
        axis.set(xlabel="predicted compartment", ylabel="true compartment")
        axis.spines[:].set_visible(False)
        if n <= _MOST_WRITTEN:
            _write_shares(axis, shares, counts.to_numpy())
        bar = figure.colorbar(image, ax=axis, shrink=0.7, aspect=22)
        bar.set_label("share of the true compartment's cells")
        data = counts.rename_axis("truth").reset_index().melt(id_vars="truth", var_name="predicted", value_name="cells")
        data["share_of_truth"] = data["cells"] / data.groupby("truth")["cells"].transform("sum").clip(lower=1)
        several = any(BETWEEN in name for name in counts.index)
        return album.add(f"confusion_{scores.encoder}", figure, data, **_words(scores, n, several=several))


def _write_shares(axis: object, shares: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> None:
    size = 9 if len(shares) <= 8 else 7.5
    for (row, column), share in np.ndenumerate(shares):
        if counts[row, column]:
            text = f"{100 * share:.0f}%\n{counts[row, column]}"
            colour = "white" if share > 0.55 else "#1D2730"
            axis.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)  # type: ignore[attr-defined]


def _words(scores: Recognition, n: int, *, several: bool) -> dict[str, str]:
    limit = (
        f" Compartments beyond the {MOST_CLASSES} most frequent are put together as '{_OTHER}'."
        if n > MOST_CLASSES
        else ""
    )
    seeds = f" Counts are summed over {len(scores.by_seed)} seeds." if len(scores.by_seed) > 1 else ""
    written = "percent of each row, number of cells below." if n <= _MOST_WRITTEN else "the numbers are in the data."
    joined = f" 'a{BETWEEN}b' is a cell in both places: right where these and no others are named." if several else ""
    return {
        "title": scores.encoder,
        "alt": f"Confusion matrix of {scores.encoder}: accuracy {percent(scores.accuracy, 1)}, "
        f"chance {percent(scores.chance, 1)}.",
        "caption": f"{plural(scores.n_cells, 'test cell')}: {written}{joined}{seeds}{limit}",
    }
