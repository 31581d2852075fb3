"""Names in the order people expect."""

from __future__ import annotations

import re


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which `field 2` stands before `field 10`."""
    pieces = re.split(r"([0-9]{1,18})", text)
    return tuple((1, int(piece), "") if i % 2 else (0, 0, piece) for i, piece in enumerate(pieces))
