"""What a page is made of: sections of text, statements, tables, plots and folded details."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

NONE = "\u2013"
"""A dash, where there is no value."""
MINUS = "\u2212"

Verdict = Literal["better", "worse", "unclear", "none"]
Tone = Literal["", "soft", "up", "down", "pale-up", "pale-down"]
"""Colour of a table cell: grey letters, or the sign of a difference, pale where it is not clear."""


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Notice:
    """A warning that is not to be missed, in a box."""

    title: str
    text: str
    kind: Literal["notice"] = "notice"


@dataclass(frozen=True)
class Statement:
    """What the summary says of one case (`lead`), with a verdict in a few words where it answers a question."""

    text: str
    lead: str = ""
    label: str = ""
    verdict: Verdict = "none"


@dataclass(frozen=True)
class Statements:
    """Statements under one question, with the answer in a sentence."""

    title: str
    headline: str
    items: Sequence[Statement]
    kind: Literal["statements"] = "statements"


@dataclass(frozen=True)
class Terms:
    """Words and their meaning, or names and their values."""

    items: Sequence[tuple[str, str]]
    kind: Literal["terms"] = "terms"


@dataclass(frozen=True)
class Cell:
    """A table cell; `note` stands small below its text, line by line."""

    text: str
    note: str = ""
    strong: bool = False
    number: bool = False
    head: bool = False
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """A table; `groups` are (title, number of columns) over the headers. A `dense` one has narrow columns."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    groups: Sequence[tuple[str, int]] = ()
    dense: bool = False
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Plot:
    """A figure of the page: PNG bytes, its width in CSS pixels, alternative text and caption."""

    name: str
    png: bytes
    width: int
    alt: str
    caption: str
    title: str = ""
    kind: Literal["plot"] = "plot"

    @property
    def uri(self) -> str:
        """The image as a data URI."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True)
class Details:
    """Folded content: preformatted text or blocks."""

    title: str
    pre: str = ""
    blocks: Sequence[Block] = ()
    kind: Literal["details"] = "details"


Block = Text | Notice | Statements | Terms | Table | Plot | Details


@dataclass(frozen=True)
class Section:
    """A titled part of the page; `name` is its anchor."""

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)


def number(value: float, digits: int) -> str:
    """A number for a reader; a dash where there is none."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    text = f"{value:.{digits}f}"
    # nothing is below zero by less than is shown
    return (text if float(text) else text.removeprefix("-")).replace("-", MINUS)


def percent(value: float, digits: int = 0) -> str:
    """A share in percent."""
    return NONE if math.isnan(value) else f"{100 * value:.{digits}f}%"


def plural(n: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def listing(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))
