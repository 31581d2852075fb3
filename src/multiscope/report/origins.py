"""Where standards come from, what was lost of them, and which of them are circular."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiscope.report.blocks import NONE, Cell, Notice, Table, plural
from multiscope.report.inputs import Folder

_SAID = ("organism", "id_type", "release", "licence", "evidence")
_HEADERS = ["standard", "organism", "members are", "release", "licence", "evidence", "proteins profiled", "left out",
            "sha256"]  # fmt: skip


def circular_notices(evaluated: Folder) -> list[Notice]:
    """A warning for each standard that repeats what encoders may have learned from."""
    return [
        Notice(
            f"Circular standard: {name}.",
            f"Its scores say little of encoders that learned from labels: {reason}. Compare encoders by other "
            "standards, or among those that saw no labels.",
        )
        for name, reason in circular(evaluated).items()
    ]


def circular(evaluated: Folder) -> dict[str, str]:
    """Standards that are, and why."""
    noted = evaluated.notes.get("circular")
    return {str(name): str(reason) for name, reason in noted.items()} if isinstance(noted, dict) else {}


def origin_table(evaluated: Folder) -> Table | None:
    """A row a standard, as the evaluation noted it."""
    noted = evaluated.notes.get("standards")
    rows = [
        [
            Cell(str(name), str(facts.get("scale") or ""), head=True),
            *(Cell(str(facts.get(key) or NONE)) for key in _SAID),
            Cell(_count(facts.get("proteins_profiled")), number=True),
            Cell(_losses(facts)),
            Cell(str(facts.get("sha256") or NONE)[:12]),
        ]
        for name, facts in (noted.items() if isinstance(noted, dict) else ())
        if isinstance(facts, dict)
    ]
    return Table(_HEADERS, rows) if rows else None


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else NONE


def _losses(facts: Mapping[str, Any]) -> str:
    """What was lost in reading, then terms of a size that is not scored."""
    losses = _counts(facts.get("losses"))
    dropped = [f"terms {reason.replace('_', ' ')}: {n:,}" for reason, n in _counts(facts.get("terms_dropped")).items()]
    return "; ".join([*(f"{reason}: {n:,}" for reason, n in losses.items()), *dropped]) or NONE


def _counts(noted: Any) -> dict[str, int]:
    return {str(key): n for key, n in noted.items() if isinstance(n, int) and n} if isinstance(noted, dict) else {}


def lost_proteins(evaluated: Folder) -> str:
    """That all are scored on the proteins they share, and what that costs the table that loses most."""
    noted = _counts(evaluated.notes.get("proteins_lost"))
    if not noted:
        return ""
    most = max(noted, key=lambda name: noted[name])
    return (
        "Encoders and sources are compared on the proteins that all of them have. Most are left out of "
        f"{most}: {plural(noted[most], 'protein')}."
    )
