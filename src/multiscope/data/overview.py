"""An inspection for people: aligned text on a terminal or in a file."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from multiscope.data.inspect import Inspection
from multiscope.images.image import ImageInfo
from multiscope.quality.statistics import PERCENTILES

MOST_ROWS = 24
MOST_REFUSED = 20
_FEW = 3
_NARROWEST, _IN_FILE, _TEXT = 80, 240, 100
_LONGEST_NAME = 44
_NUMBERS = ("min", "max", "mean", "std", *PERCENTILES)
_HEADERS = {"p0_1": "0.1 %", "p1": "1 %", "p50": "50 %", "p99": "99 %", "p99_9": "99.9 %"}


def print_overview(found: Inspection, file: IO[str] | None = None) -> None:
    """Print what is there, its numbers, then what to know of it, then what could not be read."""
    file = file or sys.stdout
    # a file has no edge at which a table must be folded
    width = max(shutil.get_terminal_size().columns, _NARROWEST) if file.isatty() else _IN_FILE
    console = Console(file=file, width=width, highlight=False, markup=False, emoji=False)
    n = len(found.infos)
    console.print(shown(f"{found.path}: {n} image{'s' * (n != 1)}"), style="bold")
    for line in _plates(found):
        console.print(Text(line))
    console.print()
    console.print(_kinds(found.infos))
    console.print()
    console.print(_numbers(found))
    if len(found.rows) > MOST_ROWS:
        console.print(Text("min, max and mean are of all pixels; std and percentiles are medians over images"))
    for line in _notices(found, min(width, _TEXT)):
        console.print(Text(line), no_wrap=True, overflow="ignore", crop=False)
    for line in _refused(found, min(width, _TEXT)):
        console.print(Text(line), no_wrap=True, overflow="ignore", crop=False)


def shown(text: str) -> str:
    """Foreign text, what is not printable in it made visible."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _plates(found: Inspection) -> Iterator[str]:
    for plate in found.plates:
        sites = str(plate.fewest_sites)
        if plate.most_sites != plate.fewest_sites:
            sites += f" to {plate.most_sites}"
        yield (
            f"plate {shown(plate.name) or '(unnamed)'}: {plate.wells} wells in {plate.rows} rows x {plate.columns} "
            f"columns, {sites} site{'s' * (sites != '1')} a well"
        )


def _kinds(infos: Sequence[ImageInfo]) -> Table:
    """One row for all images that are alike."""
    alike = Counter(map(_kind, infos))
    first = {kind: info.name for info in reversed(infos) for kind in (_kind(info),)}
    table = _table(["images", "first", "format", "axes", "shape", "type", "pixel (um)", "channels", "labels"], {0})
    for kind, n in alike.most_common(MOST_ROWS):
        _row(table, [str(n), first[kind], *kind])
    if len(alike) > MOST_ROWS:
        rest = sum(n for _, n in alike.most_common()[MOST_ROWS:])
        _row(table, [str(rest), f"of {len(alike) - MOST_ROWS} other kinds"])
    return table


def _kind(info: ImageInfo) -> tuple[str, ...]:
    axes = [axis for axis, size in zip("tczyx", info.shape, strict=True) if size > 1 or axis in "yx"]
    sizes = [str(size) for axis, size in zip("tczyx", info.shape, strict=True) if axis in axes]
    pixel = [size for axis, size in zip("zyx", info.pixel_size, strict=True) if axis in axes]
    known = [f"{size:.4g}" if size else "?" for size in pixel]
    levels = f", {info.n_levels} levels" if info.n_levels > 1 else ""
    return (
        info.format + (" (lossy)" if info.lossy else ""),
        info.axes,
        f"{' x '.join(sizes)} ({''.join(axes)}){levels}",
        str(info.dtype),
        " x ".join(known) if set(known) != {"?"} else "unknown",
        ", ".join(info.channels) or (f"{info.shape[1]} unnamed" if info.shape[1] > 1 else "1"),
        ", ".join(info.labels) or "none",
    )


def _numbers(found: Inspection) -> Table:
    """One row an image and channel where they are few, else one a channel and type."""
    rows = pd.DataFrame(found.rows)
    if len(rows) <= MOST_ROWS:
        table = _table(["image", "channel", *_HEADERS_OF_NUMBERS], set(range(2, 2 + len(_NUMBERS))))
        for row in rows.to_dict("records"):
            _row(table, [row["name"], row["channel"], *(_number(row[name]) for name in _NUMBERS)])
        return table
    table = _table(["channel", "type", "images", *_HEADERS_OF_NUMBERS], set(range(2, 3 + len(_NUMBERS))))
    channels = list(rows.groupby(["channel", "dtype"], sort=False))
    for (channel, dtype), part in channels[:MOST_ROWS]:
        mean = float((part["mean"] * part["n_pixels"]).sum() / part["n_pixels"].sum())
        pooled = {"min": part["min"].min(), "max": part["max"].max(), "mean": mean}
        values = [pooled.get(name, part[name].median()) for name in _NUMBERS]
        _row(table, [str(channel), str(dtype), str(len(part)), *map(_number, values)])
    if len(channels) > MOST_ROWS:
        _row(table, [f"and {len(channels) - MOST_ROWS} more"])
    return table


_HEADERS_OF_NUMBERS = [_HEADERS.get(name, name) for name in _NUMBERS]


def _number(value: Any) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.6g}"


def _table(headers: Sequence[str], right: set[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number in right else "left", overflow="fold")
    return table


def _row(table: Table, cells: Sequence[str]) -> None:
    # as Text, for brackets in a foreign name would be taken for markup
    table.add_row(*(Text(_short(shown(str(cell)))) for cell in cells))


def _short(text: str) -> str:
    half = _LONGEST_NAME // 2
    return text if len(text) <= _LONGEST_NAME else f"{text[: half - 1]}...{text[-half + 2 :]}"


def _notices(found: Inspection, width: int) -> Iterator[str]:
    yield ""
    warnings = sum(told.level == "warning" for told in found.notices)
    yield f"{warnings} warning{'s' * (warnings != 1)}" if warnings else "no warnings"
    for told in found.notices:
        yield from _wrapped(f"{told.level}: {told.code}: {told.text}", width)


def _refused(found: Inspection, width: int) -> Iterator[str]:
    others = found.others
    refused = {name: why for name, why in found.refused.items() if name not in set(others)}
    if refused:
        yield ""
        yield f"{len(refused)} could not be read"
    for name, why in list(refused.items())[:MOST_REFUSED]:
        yield from _wrapped(why if name in why else f"{name}: {why}", width)
    if len(refused) > MOST_REFUSED:
        yield f"  and {len(refused) - MOST_REFUSED} more (--json lists all)"
    if others:
        few = ", ".join(map(_short, others[:_FEW])) + (", ..." if len(others) > _FEW else "")
        yield ""
        yield from textwrap.wrap(shown(f"{len(others)} other file{'s' * (len(others) != 1)}, no images: {few}"), width)


def _wrapped(text: str, width: int) -> list[str]:
    wrapper = textwrap.TextWrapper(width, initial_indent="  ", subsequent_indent="    ")
    wrapper.break_on_hyphens = wrapper.break_long_words = False  # a path stays one that can be copied
    return wrapper.wrap(shown(text))
