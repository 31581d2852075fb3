"""The figures of a report: one look, PNG files, and beside each the data behind it."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from multiscope.report.blocks import Plot

WIDTH = 11.0
"""Width of a full figure in inches; the page shows an inch as 100 pixels."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
"""Okabe and Ito's colours without yellow, which is lost on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
GREY = "#9AA3AB"
_DPI = 150
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5B6670",
    "axes.labelcolor": "#1D2730",
    "xtick.color": "#3C4750",
    "ytick.color": "#3C4750",
    "text.color": "#1D2730",
    "axes.titlelocation": "left",
    "text.parse_math": False,  # a protein may be named $x$
}


@contextmanager
def look() -> Iterator[None]:
    """The look of every figure of the page."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # a name in a script the font lacks is drawn as boxes, which is no reason to fail
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield


def new_figure(width: float, height: float, *, gap: float = 0.02) -> Figure:
    """An empty figure of that size in inches, laid out so that nothing overlaps; `gap` is a share of a panel."""
    engine = ConstrainedLayoutEngine(wspace=gap, hspace=gap)
    return Figure(figsize=(width, height), layout=engine, facecolor="white")


def short(name: str, most: int = 26) -> str:
    """A name of at most `most` characters on one line."""
    name = " ".join(str(name).split())
    return name if len(name) <= most else name[: most - 1] + "…"


def ends(name: str, most: int) -> str:
    """A name of at most `most` characters on one line, cut in the middle: of names that begin alike the ends differ."""
    name = " ".join(str(name).split())
    front = most // 2
    return name if len(name) <= most else f"{name[:front]}…{name[len(name) - (most - front - 1) :]}"


def class_style(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each name; 56 pairs differ."""
    return {name: (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}


def source_colour(source: str, sources: Sequence[str]) -> str:
    """A fixed colour for clean and degraded, others in their order."""
    fixed = {"clean": COLOURS[0], "degraded": GREY}
    others = [name for name in sources if name not in fixed]
    return fixed[source] if source in fixed else COLOURS[1 + others.index(source) % (len(COLOURS) - 1)]


class Album:
    """Saves figures below a folder and keeps them for the page."""

    def __init__(self, folder: Path) -> None:
        """Figures go to `folder`, which is made with the first one."""
        self.folder = folder
        self.plots: list[Plot] = []
        self._taken: set[str] = set()

    def add(self, name: str, figure: Figure, data: pd.DataFrame, *, alt: str, caption: str, title: str = "") -> Plot:
        """Save `figure` as `<name>.png` and `data` as `<name>.csv`."""
        name = self.keep(name, data)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
        (self.folder / f"{name}.png").write_bytes(buffer.getvalue())
        plot = Plot(name, buffer.getvalue(), round(100 * figure.get_figwidth()), alt, caption, title)
        self.plots.append(plot)
        return plot

    def keep(self, name: str, data: pd.DataFrame) -> str:
        """Write `data` as `<name>.csv`, for a table of the page; returns the name as it is written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self._free(re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:80])
        self._taken.add(name.lower())
        data.to_csv(self.folder / f"{name}.csv", index=False)
        return name

    def _free(self, name: str) -> str:
        taken = self._taken
        candidates = (name, *(f"{name}_{i}" for i in range(2, len(taken) + 3)))
        return next(candidate for candidate in candidates if candidate.lower() not in taken)
