"""Standards: dated sets of terms with member proteins, as GMT files with a YAML sidecar.

GMT: one term a line, `name<TAB>description<TAB>member<TAB>member...`, UTF-8. The sidecar `<stem>.yaml` says where the
terms come from and which GMT it belongs to.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from multiscope.errors import InputError
from multiscope.images.bounded import read_bounded
from multiscope.standards.standard import SCALES, UNKNOWN, Standard

_MAX_GMT_BYTES = 64 * 2**20
_MAX_SIDECAR_BYTES = 64 * 2**10


def read_gmt(path: Path, *, name: str, scale: str | None = None) -> Standard:
    """Read a GMT file and, where present, its sidecar `<stem>.yaml`, whose sha256 must be that of the GMT.

    Without `scale` the sidecar has to say it; with both they have to agree. Blank lines are skipped, a member named
    twice in a term counts once. Every fault of the files is an `InputError` that names the line or key.
    """
    content = _read(path, _MAX_GMT_BYTES)
    sha256 = hashlib.sha256(content).hexdigest()
    terms = _parse(path, _decode(path, content))
    sidecar = _read_sidecar(path.with_suffix(".yaml"), path, sha256)
    said = sidecar["scale"]
    if scale is None and said == UNKNOWN:
        raise InputError(
            f"{path}: its scale is not known; add 'scale: {'|'.join(SCALES)}' to {path.stem}.yaml beside it"
        )
    if scale is not None and said not in (UNKNOWN, scale):
        raise InputError(f"{path}: scale is '{scale}' here but '{said}' in {path.stem}.yaml; make them agree")
    origin = {key: sidecar[key] for key in ("organism", "id_type", "release", "licence")}
    return Standard(name=name, scale=scale or said, terms=terms, sha256=sha256, **origin)


def _read(path: Path, limit: int) -> bytes:
    return read_bounded(path, limit=limit, where=str(path), instead="cut it into several files")


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, frozenset[str]]:
    terms: dict[str, frozenset[str]] = {}
    # not splitlines(), which also splits at signs that may stand in names
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if not line.strip():
            continue
        name, *rest = (part.strip() for part in line.split("\t"))
        members = frozenset(member for member in rest[1:] if member)
        if not name or not members or "\0" in line:
            raise InputError(
                f"{path}: line {number} is no GMT line ({_shown(line)}); "
                "expected name, description and members with tabs between"
            )
        if name in terms:
            raise InputError(f"{path}: line {number} has term {_shown(name)} a second time; give each term one line")
        terms[name] = members
    if not terms:
        raise InputError(f"{path}: has no term; expected lines of name, description and members with tabs between")
    return terms


def _read_sidecar(path: Path, gmt: Path, sha256: str) -> dict[str, str]:
    """Fields of the sidecar, `unknown` where not given; the sha256 ties it to the GMT."""
    fields = dict.fromkeys(("organism", "id_type", "release", "licence", "scale"), UNKNOWN)
    if not path.exists():
        return fields
    try:
        values: Any = yaml.safe_load(_decode(path, _read(path, _MAX_SIDECAR_BYTES)))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: is not a list of keys and values; expected {', '.join(fields)}, sha256")
    if values.get("sha256") != sha256:
        raise InputError(
            f"{path}: its sha256 is not that of {gmt.name} ({sha256}); one of the two was changed: get both anew"
        )
    for key in fields:
        value = values.get(key)
        if isinstance(value, list | dict):
            raise InputError(f"{path}: '{key}' has to be one value; write it as text")
        if value is not None:
            fields[key] = " ".join(str(value).split())
    if fields["scale"] not in (*SCALES, UNKNOWN):
        raise InputError(f"{path}: scale is {_shown(fields['scale'])}; expected one of {', '.join(SCALES)}")
    return fields


def _shown(text: str) -> str:
    """A foreign text in quotes, on one line, cut short."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
