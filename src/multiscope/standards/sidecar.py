"""Sidecars: the YAML beside a standard's file that says where its terms come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from multiscope.errors import InputError
from multiscope.standards.standard import SCALES, UNKNOWN
from multiscope.standards.text_file import TextFile, shown

_MAX_SIDECAR_BYTES = 64 * 2**10
KEYS = ("organism", "id_type", "release", "licence", "scale", "evidence")


def sidecar_of(path: Path) -> Path:
    """Where the sidecar of a file is: `a.yaml` beside `a.gmt` and `a.gmt.gz`."""
    return (path.with_suffix("") if path.suffix == ".gz" else path).with_suffix(".yaml")


def read_sidecar(file: TextFile) -> dict[str, str]:
    """What the sidecar says by `KEYS`, `unknown` where it does not; its sha256 must be that of the file."""
    path = sidecar_of(file.path)
    fields = dict.fromkeys(KEYS, UNKNOWN)
    if not path.exists():
        return fields
    values = _values(path)
    if values.get("sha256") != file.sha256:
        raise InputError(
            f"{path}: its sha256 is not that of {file.path.name} ({file.sha256}); one of the two was changed: "
            "get both anew"
        )
    for key in fields:
        value = values.get(key)
        if isinstance(value, list | dict):
            raise InputError(f"{path}: '{key}' has to be one value; write it as text")
        if value is not None:
            fields[key] = " ".join(str(value).split()) or UNKNOWN
    if fields["scale"] not in (*SCALES, UNKNOWN):
        raise InputError(f"{path}: scale is {shown(fields['scale'])}; expected one of {', '.join(SCALES)}")
    return fields


def one_of(path: Path, key: str, here: str | None, sidecar: dict[str, str]) -> str:
    """What the configuration (`here`) and the sidecar say of `key`, `unknown` if neither; they may not differ."""
    said = sidecar[key]
    if here is not None and said not in (UNKNOWN, here):
        beside = sidecar_of(path).name
        raise InputError(f"{path}: {key} is {shown(here)} here but {shown(said)} in {beside}; make them agree")
    return here or said


def scale_of(path: Path, here: str | None, sidecar: dict[str, str]) -> str:
    """The scale, which one of the two has to say."""
    scale = one_of(path, "scale", here, sidecar)
    if scale == UNKNOWN:
        beside = sidecar_of(path).name
        raise InputError(f"{path}: its scale is not known; add 'scale: {'|'.join(SCALES)}' to {beside} beside it")
    return scale


def _values(path: Path) -> dict[Any, Any]:
    text = TextFile.read(path, limit=_MAX_SIDECAR_BYTES, text_limit=_MAX_SIDECAR_BYTES).text()
    try:
        values: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: is not a list of keys and values; expected {', '.join(KEYS)}, sha256")
    return values
