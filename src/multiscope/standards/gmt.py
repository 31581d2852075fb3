"""GMT: one term a line, `name<TAB>description<TAB>member<TAB>member...`, UTF-8 (the Broad Institute's gene sets).

The sidecar `<stem>.yaml` says where the terms come from and which GMT it belongs to.
"""

from __future__ import annotations

from pathlib import Path

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.sidecar import read_sidecar, scale_of
from multiscope.standards.standard import Standard
from multiscope.standards.text_file import TextFile, shown

_MAX_GMT_BYTES = 64 * 2**20
_LINES = "name, description and members with tabs between"


def read_gmt(path: Path, *, name: str, scale: str | None = None) -> Standard:
    """Read a GMT file and, where present, its sidecar `<stem>.yaml`, whose sha256 must be that of the GMT.

    Without `scale` the sidecar has to say it; with both they have to agree. Blank lines are skipped, a member named
    twice in a term counts once. Every fault of the files is an `InputError` that names the line or key.
    """
    file = TextFile.read(path, limit=_MAX_GMT_BYTES)
    terms = parse_gmt(file, config.StandardFile()).named()
    sidecar = read_sidecar(file)
    return Standard(
        name=name,
        scale=scale_of(path, scale, sidecar),
        terms=terms,
        organism=sidecar["organism"],
        id_type=sidecar["id_type"],
        release=sidecar["release"],
        licence=sidecar["licence"],
        sha256=file.sha256,
        evidence=sidecar["evidence"],
    )


def parse_gmt(file: TextFile, section: config.StandardFile) -> Annotations:
    """Terms and members of a GMT file; a term without members and one that comes twice are errors."""
    found = Annotations()
    for number, line in file.lines():
        name, *rest = (part.strip() for part in line.split("\t"))
        members = {member for member in rest[1:] if member}
        if not name or not members or "\0" in line:
            raise file.fault(number, f"is no GMT line ({shown(line)})", _LINES)
        if name in found.terms:
            raise InputError(
                f"{file.path}: line {number} has term {shown(name)} a second time; give each term one line"
            )
        found.add(name, members)
    if not found.terms:
        raise InputError(f"{file.path}: has no term; expected lines of {_LINES}")
    return found
