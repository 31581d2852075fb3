"""The sweep: scores by the number of real pairs, method and augmentation, and the table of settings A and B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from multiscope.config import Pairs, Sweep
from multiscope.report.album import COLOURS, MARKERS, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import NONE, Cell, Plot, Table, number, plural
from multiscope.report.restoration import INPUT, MAIN, compare, measure
from multiscope.report.restoration_tables import change_cell

PUBLISHED_PAIRS = 10
"""Real pairs of each defect in the first paper's table."""
_NO_PAIRS = "no pairs"
_SEPARATOR = "\x1f"
_RULE = "fixed"


def swept_scores(scores: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Main scores of the methods of a sweep on the images that it scored, each row with the `curve` it belongs to.

    A curve is how more was made of the pairs: `flips`, `cin_gan, alpha 0.5`, `physics, 50 made`; without real pairs
    `cin_gan, 50 made`; `no pairs` where a method looks at none. One that belongs to two curves stands in both. `label`
    tells trainings apart.
    """
    scores = scores[scores["metric"].isin(MAIN) & (scores["rule"] == _RULE)]
    is_input = scores["method"] == INPUT
    trained = scores[scores["method"].isin(sweep.methods)]
    mixes = trained[["setting", "n_pairs", "n_synthetic", "augmentation", "trained_on"]].drop_duplicates()
    several = mixes["trained_on"].nunique() > 1
    curves = pd.DataFrame(
        [
            {**mix, "curve": f"{curve}, {mix['trained_on']}" if several else curve}
            for mix in mixes.to_dict("records")
            for curve in _curves(mix["n_pairs"], mix["n_synthetic"], mix["augmentation"], sweep)
        ],
        columns=[*mixes.columns, "curve"],
    )
    trained = trained.merge(curves, on=list(mixes.columns))
    if len(sweep.n_pairs) > 1:
        # one amount makes no curve: it was trained by the stage `restore`, in a way that the sweep does not ask for
        amounts = trained.groupby(["method", "curve"])["n_pairs"].transform("nunique")
        trained = trained[(amounts > 1) | (trained["n_pairs"] == 0)]
    trained["label"] = trained["method"] + _SEPARATOR + trained["curve"] + _SEPARATOR + trained["n_pairs"].astype(str)
    common = trained.groupby("label")["image_id"].agg(set)
    images = set.intersection(*common) if len(common) else set()
    both = pd.concat([scores[is_input].assign(curve=""), trained], ignore_index=True)
    return both[both["image_id"].isin(images)]


def _curves(n_pairs: int, n_synthetic: int, augmentation: str, sweep: Sweep) -> list[str]:
    if n_synthetic == 0:
        return [augmentation] if n_pairs else [_NO_PAIRS]
    made = f"{augmentation}, {n_synthetic} made"
    if n_pairs == 0:
        return [made]
    # the shares of the sweep by what they add
    mixes = {alpha: Pairs(augmentation="physics", alpha=alpha) for alpha in sweep.alpha}
    shares = [alpha for alpha, mix in mixes.items() if mix.synthetic_beside(n_pairs) == n_synthetic]
    found = [f"{augmentation}, alpha {alpha:g}" for alpha in shares]
    return found + ([made] if n_synthetic in sweep.n_synthetic else [])


@dataclass(frozen=True)
class Point:
    """One training of the sweep, by what it was scored."""

    method: str
    curve: str
    n_pairs: int
    row: pd.Series


def points(swept: pd.DataFrame) -> tuple[list[Point], dict[tuple[str, str], pd.Series]]:
    """Every training, and the input by (defect, metric); rows are those of `restoration.compare`."""
    found, inputs = [], {}
    for _, row in compare(swept).iterrows():
        if row["label"] == INPUT:
            inputs[str(row["defect"]), str(row["metric"])] = row
        else:
            method, curve, n_pairs = str(row["label"]).split(_SEPARATOR)
            found.append(Point(method, curve, int(n_pairs), row))
    return found, inputs


def amount_plots(album: Album, swept: pd.DataFrame, sweep: Sweep) -> list[Plot]:
    """Scores over the number of real pairs: methods compared for each augmentation, and the other way round."""
    found, inputs = points(swept)
    curves = list(dict.fromkeys(point.curve for point in found if point.n_pairs))
    order = sorted(curves, key=lambda curve: (curve not in ("none", "flips"), curve))
    plots = []
    for metric in MAIN:
        own = [point for point in found if point.row["metric"] == metric]
        if any(point.n_pairs for point in own):
            plots.append(_figure(album, own, inputs, metric, panels=order, lines=sweep.methods, by="curve"))
    several = [m for m in sweep.methods if len({p.curve for p in found if p.method == m and p.n_pairs}) > 1]
    own = [point for point in found if point.row["metric"] == MAIN[0] and point.method in several and point.n_pairs]
    if own:
        plots.append(_figure(album, own, inputs, MAIN[0], panels=several, lines=order, by="method"))
    return plots


def _figure(
    album: Album,
    found: list[Point],
    inputs: dict[tuple[str, str], pd.Series],
    metric: str,
    *,
    panels: Sequence[str],
    lines: Sequence[str],
    by: str,
) -> Plot:
    """A line of panels each of `panels`, a column a defect; `by` names the field of a point that panels stand for."""
    other = "method" if by == "curve" else "curve"
    defects = sorted({str(point.row["defect"]) for point in found})
    numbers = sorted({point.n_pairs for point in found if point.n_pairs})
    shown = measure(metric)
    width = min(WIDTH, 1.4 + 3.2 * len(defects))
    with look():
        figure = new_figure(width, 2.35 * len(panels) + 0.55, gap=0.04)
        axes = figure.subplots(len(panels), len(defects), squeeze=False, sharey="col", sharex=True)
        for line, panel in zip(axes, panels, strict=True):
            for axis, defect in zip(line, defects, strict=True):
                here = [point for point in found if point.row["defect"] == defect]
                _input_line(axis, inputs.get((defect, metric)))
                for index, name in enumerate(lines):
                    own = [p for p in here if getattr(p, other) == name]
                    _line(axis, [p for p in own if getattr(p, by) == panel and p.n_pairs], name, index)
                    for point in own:
                        if point.curve.startswith(_NO_PAIRS) and by == "curve":
                            axis.axhline(
                                point.row["mean"], color=_colour(index), linestyle=":", label=f"{name} (no pairs)"
                            )
                axis.set_xscale("log")
                axis.set_xticks(numbers, [str(n) for n in numbers])
                axis.xaxis.set_minor_locator(NullLocator())
                axis.xaxis.set_minor_formatter(NullFormatter())
                axis.grid(axis="y", color="#E4E8EB", linewidth=0.8)
            line[0].set_ylabel(f"{short(panel, 24)}\n{shown.header}")
        for axis, defect in zip(axes[0], defects, strict=True):
            axis.set_title(short(defect, 30))
        for axis in axes[-1]:
            axis.set_xlabel("real pairs of the defect")
        handles = {
            label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), [short(name, 26) for name in handles], loc="outside lower center", ncols=5)
        title = f"{shown.name} by the number of pairs, " + ("method by method" if by == "curve" else "by augmentation")
        best = max(found, key=lambda point: float(point.row["mean"]))
        caption = (
            "Means over test images and seeds. Bars: 95% interval of the paired change from the input (bootstrap over "
            "fields), drawn from the input's mean, which is the grey line."
        )
        alt = (
            f"{shown.name} over {numbers[0]} to {numbers[-1]} real pairs, for {', '.join(lines)}. "
            f"Highest: {best.method} with {best.curve} on {best.row['defect']}, "
            f"{number(best.row['mean'], shown.digits)}."
        )
        name = f"amounts_{metric}_{'methods' if by == 'curve' else 'augmentation'}"
        return album.add(name, figure, as_table(found), title=title, alt=alt, caption=caption)


def _input_line(axis: Axes, row: pd.Series | None) -> None:
    if row is not None:
        axis.axhline(row["mean"], color="#6B757D", linewidth=1.6, linestyle="--", label="input", zorder=1)


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _line(axis: Axes, own: list[Point], name: str, index: int) -> None:
    own = sorted(own, key=lambda point: point.n_pairs)
    if not own:
        return
    means = [point.row["mean"] for point in own]
    bars = [[0.0] * len(own), [0.0] * len(own)]
    for at, point in enumerate(own):
        change = point.row["change"]
        if change is not None and change.low == change.low:
            bars[0][at], bars[1][at] = change.mean - change.low, change.high - change.mean
    # beside each other, so that bars of equal scores can be seen
    x = [point.n_pairs * 1.03 ** (index - 2) for point in own]
    axis.errorbar(
        x, means, yerr=bars, label=name, color=_colour(index), marker=MARKERS[index % len(MARKERS)],
        linewidth=1.5, markersize=4, elinewidth=1, capsize=2,
    )  # fmt: skip


def as_table(found: Sequence[Point]) -> pd.DataFrame:
    """The points as rows, for the file beside the figure."""
    return pd.DataFrame(
        {
            "defect": point.row["defect"],
            "method": point.method,
            "augmentation": point.curve,
            "n_pairs": point.n_pairs,
            "metric": point.row["metric"],
            "mean": point.row["mean"],
            "change": None if (change := point.row["change"]) is None else change.mean,
            "change_low": None if change is None else change.low,
            "change_high": None if change is None else change.high,
            "sd_seeds": point.row["sd_seeds"],
            "n_seeds": point.row["n_seeds"],
        }
        for point in found
    )


def settings_tables(swept: pd.DataFrame) -> list[Table]:
    """The first paper's table, once a measure: setting A, few real pairs, and setting B, none; the input above both."""
    found, inputs = points(swept)
    numbers = {point.n_pairs for point in found if point.n_pairs}
    if not found or not inputs:
        return []
    few = min(numbers, key=lambda n: (abs(n - PUBLISHED_PAIRS), n)) if numbers else 0
    blocks = {"B: no real pair": [point for point in found if point.n_pairs == 0]}
    if few:
        blocks = {f"A: {plural(few, 'real pair')}": [point for point in found if point.n_pairs == few]} | blocks
    return [_settings(blocks, inputs, metric) for metric in MAIN if any(key[1] == metric for key in inputs)]


def _settings(blocks: Mapping[str, Sequence[Point]], inputs: Mapping[tuple[str, str], pd.Series], metric: str) -> Table:
    defects = sorted(defect for defect, other in inputs if other == metric)
    digits = measure(metric).digits
    before = [Cell(number(inputs[defect, metric]["mean"], digits), number=True) for defect in defects]
    rows = [[Cell(""), Cell("input (nothing done)"), Cell(""), *before]]
    for title, chosen in blocks.items():
        scored: dict[tuple[str, str], dict[str, pd.Series]] = {}
        for point in chosen:
            if point.row["metric"] == metric:
                scored.setdefault((point.method, point.curve), {})[point.row["defect"]] = point.row
        best = {d: max((own[d]["mean"] for own in scored.values() if d in own), default=None) for d in defects}
        order = sorted(scored, key=lambda key: -_mean_change(scored[key]))
        for at, (method, curve) in enumerate(order):
            own = scored[method, curve]
            cells = [_score(own.get(defect), best[defect], digits) for defect in defects]
            rows.append([Cell(title if at == 0 else "", head=at == 0), Cell(method), Cell(curve), *cells])
    caption = (
        f"{measure(metric).header}. Means over the same test images; small: change from the input with its 95% "
        "interval. The highest of each setting is bold; sorted by the mean change."
    )
    return Table(["setting", "method", "augmentation", *defects], rows, caption)


def _mean_change(own: Mapping[str, pd.Series]) -> float:
    changes = [row["change"].mean for row in own.values() if row["change"] is not None]
    return sum(changes) / len(changes) if changes else float("-inf")


def _score(row: pd.Series | None, best: float | None, digits: int) -> Cell:
    if row is None:
        return Cell(NONE, number=True)
    shown = number(row["mean"], digits)
    changed = change_cell(row["change"], digits)
    spread = f" ({changed.note})" if changed.note else ""
    return Cell(shown, changed.text + spread, strong=best is not None and shown == number(best, digits), number=True)
