"""Names of fields: made of foreign text, safe as names of Zarr groups, and unique."""

from __future__ import annotations

import re
from collections.abc import Sequence

from multiscope.errors import InputError

_LONGEST = 200


def safe_name(parts: Sequence[str]) -> str:
    """A name of a Zarr group (letters, digits, `_`, `-`, `.`) made of the parts that are there."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", "_".join(part for part in parts if part))
    # dots alone and leading '__' mean something to Zarr, and hidden files are not listed in the manifest
    if not name or name.startswith((".", "__")) or name == "zarr.json":
        name = f"field_{name}"
    if len(name) > _LONGEST:
        raise InputError(
            f"{name[:60]}...: a field's name has {len(name)} characters; expected up to {_LONGEST}: rename it"
        )
    return name


def unique_names(keys: Sequence[Sequence[str]], *, where: Sequence[str]) -> list[str]:
    """A safe name for each key; two of one name are an `InputError` that says `where` each is from."""
    found: dict[str, int] = {}
    for number, key in enumerate(keys):
        former = found.setdefault(safe_name(key), number)
        if former != number:
            raise InputError(
                f"{where[former]} and {where[number]}: would both be named '{safe_name(key)}'; rename one of them"
            )
    return list(found)
