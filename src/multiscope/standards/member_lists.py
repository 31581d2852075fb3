"""Lists of members: one set a line, its members with tabs between, without names (MIPS complexes)."""

from __future__ import annotations

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.text_file import TextFile, shown


def parse_member_lists(file: TextFile, section: config.StandardFile) -> Annotations:
    """Members of sets that are named after their line; a member named twice in a line counts once."""
    found = Annotations()
    for number, line in file.lines():
        members = {member.strip() for member in line.split("\t")} - {""}
        if not members or "\0" in line:
            raise file.fault(number, f"is no list of members ({shown(line)})", "names with tabs between")
        found.add(f"line {number}", members)
    if not found.terms:
        raise InputError(f"{file.path}: has no set; expected lines of members with tabs between")
    return found
