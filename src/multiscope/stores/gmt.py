"""GMT files: one term a line, `name<TAB>description<TAB>member<TAB>...`, and a YAML sidecar that says where from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

SIDECAR = ("scale", "organism", "id_type", "release", "licence")


def write_gmt(path: Path, terms: Mapping[str, Iterable[str]], *, sidecar: Mapping[str, str]) -> None:
    """Write `terms` (name to members, sorted and once each) at `path`, and `sidecar` with the sha256 beside it.

    `sidecar` has the keys `SIDECAR` and no other. Empty terms, and names with tabs or line ends, are a `ValueError`.
    """
    if sorted(sidecar) != sorted(SIDECAR):
        raise ValueError(f"{path}: sidecar has keys {sorted(sidecar)}, expected {sorted(SIDECAR)}")
    content = "".join(_line(path, name, sorted(set(members))) for name, members in terms.items()).encode()
    path.write_bytes(content)
    described = {**{key: sidecar[key] for key in SIDECAR}, "sha256": hashlib.sha256(content).hexdigest()}
    path.with_suffix(".yaml").write_text(yaml.safe_dump(described, sort_keys=False, allow_unicode=True), "utf-8")


def _line(path: Path, name: str, members: list[str]) -> str:
    words = [name, "", *members]
    if not name or not members or "" in members:
        raise ValueError(f"{path}: term {name!r} needs a name and members")
    if any(word != word.strip() or set("\t\r\n\0\ufeff") & set(word) for word in words):
        raise ValueError(f"{path}: term {name!r} has a tab, line end or outer blank in a name")
    return "\t".join(words) + "\n"
