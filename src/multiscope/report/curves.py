"""Training curves, from the `history.jsonl` of every trained model: all seeds in one figure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from multiscope.report.album import COLOURS, GREY, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot, plural
from multiscope.report.inputs import Folder, read_history, read_json

MOST_PANELS = 8
_KEPT = "epoch that is kept"
_MOST_ROWS = 60
"""Rows of a line above which single ones are grey, with their running mean on top."""
_NOT_LOSSES = {"step", "epoch", "seed", "split", "kept", "time", "seconds", "elapsed"}


def histories(folders: Sequence[Folder]) -> dict[tuple[str, str], pd.DataFrame]:
    """Histories by (stage, model): the rows of all its seeds, with columns `seed`, `split` and `kept`.

    `kept` says whether the weights after that epoch are those that are used, where they are not the last.
    """
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for folder in folders:
        history = read_history(folder.path / "history.jsonl")
        if history.empty:
            continue
        history["seed"] = folder.seed
        if "split" not in history:
            history["split"] = "train"
        history["kept"] = _kept(history, read_json(folder.path / "model.json").get("epoch"))
        found.setdefault((folder.stage, folder.name), []).append(history)
    return {key: pd.concat(parts, ignore_index=True) for key, parts in found.items()}


def _kept(history: pd.DataFrame, epoch: object) -> pd.Series:
    if "epoch" not in history or history["epoch"].max() == epoch:
        return pd.Series(False, index=history.index)
    return history["epoch"] == epoch


def curves(album: Album, stage: str, model: str, history: pd.DataFrame) -> Plot | None:
    """One figure a model, one panel a quantity, one line a seed and split; None where nothing is a number."""
    axis_name = next((name for name in ("epoch", "step") if name in history and history[name].notna().all()), None)
    numeric = history.select_dtypes("number").columns
    names = [name for name in numeric if name not in _NOT_LOSSES and history[name].notna().any()]
    if axis_name is None or not names:
        return None
    shown = names[:MOST_PANELS]
    columns = min(4 if len(shown) > 4 else 3, len(shown))
    lines = -(-len(shown) // columns)
    with look():
        figure = new_figure(min(WIDTH, 3.67 * columns + 0.2), 2.5 * lines + 0.45)
        axes = figure.subplots(lines, columns, squeeze=False)
        for axis, name in zip(axes.flat, shown, strict=False):
            _panel(axis, history, axis_name, name)
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_visible(False)
        handles = {
            label: line for axis in axes.flat for line, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        if _KEPT in handles:
            handles[_KEPT] = handles.pop(_KEPT)  # last
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3 if _KEPT in handles else 4)
        return album.add(f"curves_{model}", figure, history, **_words(stage, model, history, names))


def _panel(axis: Axes, history: pd.DataFrame, axis_name: str, name: str) -> None:
    axis.set_title(short(name, 34))
    axis.set_xlabel(axis_name)
    for split, of_side in history.groupby("split"):
        colour = COLOURS[0] if split == "train" else COLOURS[1]
        lines = [
            part.dropna(subset=[axis_name, name]).sort_values(axis_name)
            for _, part in of_side.groupby("seed", dropna=False)
        ]
        if max(map(len, lines)) > _MOST_ROWS:
            lines = [_smoothed(axis, line, axis_name, name) for line in lines]
        elif len(lines) > 1:
            mean = pd.concat(lines).groupby(axis_name)[name].mean()
            axis.plot(mean.index, mean, color=colour, linewidth=2.2, label=f"{_said(split)}, mean")
        label = f"{_said(split)}, {'each seed' if len(lines) > 1 else 'one seed'}"
        for line in lines:
            marker = "o" if len(line) <= 25 and len(lines) == 1 else None
            width = 1.4 if len(lines) == 1 else 0.8
            axis.plot(
                line[axis_name], line[name], color=colour, marker=marker, markersize=3, linewidth=width, label=label
            )
            _mark(axis, line, axis_name, name, colour)
    axis.grid(axis="y", color="#E4E8EB", linewidth=0.8)
    axis.set_axisbelow(True)


def _smoothed(axis: Axes, line: pd.DataFrame, axis_name: str, name: str) -> pd.DataFrame:
    """The running mean of a line; the line itself is drawn in grey."""
    axis.plot(line[axis_name], line[name], color=GREY, alpha=0.45, linewidth=0.7)
    window = max(3, len(line) // 20)
    return line.assign(**{name: line[name].rolling(window, min_periods=1, center=True).mean()})


def _mark(axis: Axes, line: pd.DataFrame, axis_name: str, name: str, colour: str) -> None:
    kept = line[line["kept"]]
    if len(kept):
        axis.scatter(kept[axis_name], kept[name], s=46, facecolors="none", edgecolors=colour, linewidths=1.4, zorder=3,
                     label=_KEPT)  # fmt: skip


def _said(split: object) -> str:
    return {"train": "training", "val": "validation"}.get(str(split), str(split))


def _words(stage: str, model: str, history: pd.DataFrame, names: list[str]) -> dict[str, str]:
    seeds = history["seed"].nunique(dropna=False)
    left_out = (
        f" Only the first {MOST_PANELS} of {len(names)} quantities are drawn." if len(names) > MOST_PANELS else ""
    )
    kept = " Circles: the epoch whose weights are used, the best on validation cells." if history["kept"].any() else ""
    return {
        "title": f"{model} ({stage})",
        "alt": f"Training curves of {model}: {', '.join(names[:MOST_PANELS])}.",
        "caption": f"{plural(seeds, 'seed')}{', a thin line each' if seeds > 1 else ''}.{kept}{left_out}",
    }
