"""Training curves, from the `history.jsonl` of every trained model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from multiscope.report.album import COLOURS, GREY, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.inputs import Folder, read_history

MOST_PANELS = 8
_NOT_LOSSES = {"step", "epoch", "seed", "split", "time", "seconds", "elapsed"}


def histories(folders: Sequence[Folder]) -> dict[tuple[str, str], pd.DataFrame]:
    """Histories by (stage, model): the rows of all its seeds, with columns `seed` and `split`."""
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for folder in folders:
        history = read_history(folder.path / "history.jsonl")
        if history.empty:
            continue
        history["seed"] = folder.seed
        if "split" not in history:
            history["split"] = "train"
        found.setdefault((folder.stage, folder.name), []).append(history)
    return {key: pd.concat(parts, ignore_index=True) for key, parts in found.items()}


def curves(album: Album, stage: str, model: str, history: pd.DataFrame) -> Plot | None:
    """One figure a model, one panel a quantity, one line a seed and split; None where nothing is a number."""
    axis_name = next((name for name in ("step", "epoch") if name in history and history[name].notna().any()), None)
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
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
        return album.add(f"curves_{model}", figure, history, **_words(stage, model, history, names))


def _panel(axis: Axes, history: pd.DataFrame, axis_name: str, name: str) -> None:
    axis.set_title(short(name, 34))
    axis.set_xlabel(axis_name)
    for (split, _), part in history.groupby(["split", "seed"], dropna=False):
        part = part[[axis_name, name]].dropna().sort_values(axis_name)
        colour = COLOURS[0] if split == "train" else COLOURS[1]
        marker = "o" if len(part) <= 25 else None
        if len(part) > 60:  # the noise of single steps in grey, their running mean on top
            axis.plot(part[axis_name], part[name], color=GREY, alpha=0.45, linewidth=0.7)
            window = max(3, len(part) // 20)
            part = part.assign(**{name: part[name].rolling(window, min_periods=1, center=True).mean()})
        axis.plot(
            part[axis_name], part[name], color=colour, marker=marker, markersize=3, linewidth=1.4, label=_said(split)
        )
    axis.grid(axis="y", color="#E4E8EB", linewidth=0.8)
    axis.set_axisbelow(True)


def _said(split: object) -> str:
    return {"train": "training", "val": "validation"}.get(str(split), str(split))


def _words(stage: str, model: str, history: pd.DataFrame, names: list[str]) -> dict[str, str]:
    seeds = history["seed"].nunique(dropna=False)
    left_out = (
        f" Only the first {MOST_PANELS} of {len(names)} quantities are drawn." if len(names) > MOST_PANELS else ""
    )
    return {
        "title": f"{model} ({stage})",
        "alt": f"Training curves of {model}: {', '.join(names[:MOST_PANELS])}.",
        "caption": f"{seeds} seed{'s' if seeds != 1 else ''}, one line each.{left_out}",
    }
