"""A room imports only from rooms below it (docs/architecture.md)."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "multiscope"
STAGES = ["augment", "restore", "segment", "crop", "localize", "embed", "evaluate"]
FLOORS = [
    ["errors", "origin"],
    ["folders", "progress"],
    ["stores", "public"],
    ["images"],
    ["quality", "features"],
    ["config"],
    ["nn"],
    ["training"],
    ["metrics", "standards"],
    ["simulate"],
    ["data"],
    ["split"],
    STAGES,
    ["sweep", "trust"],
    ["report"],
    ["plan"],
    ["cli", "docs"],
    ["__main__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def test_nothing_imports_upward_or_sideways() -> None:
    faults = []
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        text = path.read_text(encoding="utf-8")
        imported = set(re.findall(r"^\s*from multiscope\.(\w+)", text, flags=re.MULTILINE))
        for line in re.findall(r"^\s*from multiscope import ([^(\n]+)", text, flags=re.MULTILINE):
            imported |= {name.split(" as ")[0].strip() for name in line.split(",")}
        faults += [
            f"{path.name} of {room} imports {other}" for other in imported - {room} if FLOOR[other] >= FLOOR[room]
        ]
    assert not faults


def test_every_room_has_its_floor() -> None:
    rooms = {p.name.removesuffix(".py") for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert rooms - {"__init__", "__pycache__", "py.typed"} == FLOOR.keys()
