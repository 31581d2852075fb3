"""Groups and arrays of a foreign Zarr store: their metadata, found without leaving the store and bounded in size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiscope.errors import InputError
from multiscope.images.bounded import read_bounded

_MARKERS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")
_MAX_BYTES = 2**25
_MAX_NAME = 1024
_AGAIN = "copy or export the store again"


@dataclass(frozen=True)
class Node:
    """A group or an array of a Zarr store."""

    root: Path
    """The store's folder, without links."""
    shown: str
    """The store's folder as the user named it."""
    name: str
    """Path within the store; empty for the store itself."""
    zarr_format: int
    """2 or 3."""
    array: dict[str, Any] | None
    """The metadata of an array; None for a group."""
    attributes: dict[str, Any]
    """What the writer attached, e.g. OME's metadata."""

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.root / self.name

    @property
    def where(self) -> str:
        """How to name it in a message."""
        return _shown(self.shown, self.name)

    def child(self, name: object) -> Node | None:
        """The group or array at the path `name` below; None where nothing is.

        A name that is no plain relative path, and one that leads out of the store, is an `InputError`.
        """
        below = safe_name(name, where=self.where)
        return _node(self.root, self.shown, f"{self.name}/{below}" if self.name else below)


def is_zarr(path: Path) -> bool:
    """Whether `path` is a folder that holds the metadata of a Zarr group or array."""
    return path.is_dir() and any((path / marker).is_file() for marker in _MARKERS)


def open_node(path: Path) -> Node:
    """The group or array at the top of the store `path`."""
    node = _node(path.resolve(), str(path), "")
    if node is None:
        raise InputError(f"{path}: is no Zarr store (no {', '.join(_MARKERS)}); name the folder of an OME-Zarr image")
    return node


def safe_name(name: object, *, where: str) -> str:
    """`name` if it is a plain relative path with `/`; anything else is an `InputError`."""
    plain = isinstance(name, str) and 0 < len(name) <= _MAX_NAME and "\\" not in name and name.isprintable()
    if not plain or any(part in ("", ".", "..") for part in str(name).split("/")):
        raise InputError(f"{where}: its metadata name {ascii(name)[:100]}; expected a path within the store: {_AGAIN}")
    return str(name)


def _node(root: Path, shown: str, name: str) -> Node | None:
    document = _document(root, shown, name, "zarr.json")
    if document is None:
        return _node_v2(root, shown, name)
    kind = document.get("node_type")
    if document.get("zarr_format") != 3 or kind not in ("group", "array"):
        raise InputError(f"{_shown(shown, name)}: its zarr.json is no Zarr 3 group or array; {_AGAIN}")
    attributes = document.get("attributes") or {}
    return Node(root, shown, name, 3, document if kind == "array" else None, _object(attributes, _shown(shown, name)))


def _node_v2(root: Path, shown: str, name: str) -> Node | None:
    array, group, attributes = (_document(root, shown, name, file) for file in (".zarray", ".zgroup", ".zattrs"))
    if array is None and group is None and attributes is None:
        return None
    if any(there is not None and there.get("zarr_format") != 2 for there in (array, group)):
        raise InputError(f"{_shown(shown, name)}: its .zarray or .zgroup is not of Zarr 2; {_AGAIN}")
    return Node(root, shown, name, 2, array, attributes or {})


def _document(root: Path, shown: str, name: str, file: str) -> dict[str, Any] | None:
    """The JSON object in a metadata file; None where there is no such file."""
    where = f"{_shown(shown, name)}/{file}"
    try:
        path = (root / name / file).resolve()
        if not path.is_relative_to(root):
            raise InputError(f"{where}: leads out of the store by a link; copy what it points to into the store")
        if not path.is_file():
            return None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise InputError(f"{where}: cannot be read ({getattr(error, 'strerror', None) or error}); {_AGAIN}") from None
    content = read_bounded(path, limit=_MAX_BYTES, where=where, instead="write it without consolidated metadata")
    try:
        return _object(json.loads(content), where)
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply; {_AGAIN}") from None
    except ValueError as error:
        raise InputError(f"{where}: is no JSON ({' '.join(str(error).split())[:160]}); {_AGAIN}") from None


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: holds metadata that are no JSON object; {_AGAIN}")
    return value


def _shown(shown: str, name: str) -> str:
    """The path in a message; control characters of the foreign name are made visible."""
    return f"{shown}/{ascii(name)[1:-1]}" if name else shown
