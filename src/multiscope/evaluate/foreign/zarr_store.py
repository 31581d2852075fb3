"""Zarr stores from elsewhere, read array by array: no codec that runs code, no boundless size, no link."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from multiscope.errors import InputError
from multiscope.images.zarr.node import Node, open_node

_MOST_FILES, _MOST_CHUNKS, _MOST_SIZE = 100_000, 2**17, 2**40
_AGAIN = "export the table again"
# any other may run code (pickle) or is not needed for tables
_CODECS = (
    *("blosc", "zlib", "gzip", "bz2", "zstd", "lz4", "lzma", "delta", "shuffle", "bytes", "transpose", "crc32c"),
    *("sharding_indexed", "vlen-utf8", "vlen-bytes"),
    *(f"numcodecs.{name}" for name in ("blosc", "zlib", "gzip", "zstd", "lz4", "shuffle")),
)
_PLAIN = re.compile(r"(?:bool|u?int(?:8|16|32|64)|float(?:16|32|64))")
_PLAIN_V2 = re.compile(r"[<>|=]?([biufSU])(\d{1,9})")
_TEXT_BYTES = 64  # of a text of unknown length: a reference and a short string


@dataclass(frozen=True)
class ZarrNode:
    """A group or an array of a store."""

    node: Node

    @classmethod
    def open(cls, path: Path) -> ZarrNode:
        """The top of the store `path`; more than 100,000 files, and links, are an `InputError`."""
        for number, file in enumerate(path.rglob("*")):
            if number == _MOST_FILES:
                raise InputError(f"{path}: has more than {_MOST_FILES} files; write it with larger chunks")
            if file.is_symlink():
                raise InputError(f"{file}: is a link, which is not followed; copy the store with its files")
        return cls(open_node(path))

    @property
    def where(self) -> str:
        """How to name it in a message."""
        return self.node.where

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What the writer attached."""
        return self.node.attributes

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of an array; None for a group."""
        return None if self.node.array is None else _sizes(self.node.array.get("shape"), self.where)

    def child(self, name: str) -> ZarrNode | None:
        """What is called `name` in this group."""
        found = None if self.node.array is not None else self.node.child(name)
        return None if found is None else ZarrNode(found)

    @cached_property
    def n_bytes(self) -> int:
        """Bytes that reading the array allocates, by its metadata, which are checked.

        Unknown codecs and types, chunks of another rank than the array, and too many chunks are an `InputError`.
        """
        array, shape = self._array, self.shape or ()
        for codec in _codecs(array):
            _check_codec(codec, self.where)
        if array.get("storage_transformers"):
            raise InputError(f"{self.where}: has storage transformers, which are not read; {_AGAIN}")
        chunks, inner = _chunks(array, shape, self.where)
        n_chunks = math.prod(-(-size // n) for size, n in zip(shape, inner, strict=True))
        in_shard = math.prod(-(-size // n) for size, n in zip(chunks, inner, strict=True))
        if max(n_chunks, in_shard) > _MOST_CHUNKS:
            n = max(n_chunks, in_shard)
            raise InputError(f"{self.where}: is in {n} chunks; expected up to {_MOST_CHUNKS}: write larger chunks")
        return math.prod(map(max, shape, chunks)) * _item_bytes(array, self.where)

    def read(self, most: int) -> npt.NDArray[Any]:
        """The values, of at most `most` bytes; more, and damage, are an `InputError`."""
        if self.n_bytes > most:
            raise InputError(f"{self.where}: claims {self.n_bytes} bytes; expected up to {most}: cut it into parts")
        try:
            found = zarr.open_array(self.node.path, mode="r", zarr_format=2 if self.node.zarr_format == 2 else 3)
            return np.asarray(found[...])
        except Exception as error:  # zarr and its codecs raise many kinds; all mean damage
            raise InputError(f"{self.where}: is damaged ({' '.join(str(error).split())[:200]}); {_AGAIN}") from None

    @property
    def _array(self) -> dict[str, Any]:
        if self.node.array is None:
            raise InputError(f"{self.where}: is a group; expected an array: {_AGAIN}")
        return self.node.array


def _codecs(array: Mapping[str, Any]) -> Iterator[Any]:
    """All codecs, those within shards and of their indices too."""
    left = [array.get("compressor"), array.get("filters"), array.get("codecs")]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left += part
        elif part is not None:
            yield part
            inner = part.get("configuration") if isinstance(part, dict) else None
            if isinstance(inner, dict):
                left += [inner.get("codecs"), inner.get("index_codecs")]


def _check_codec(codec: Any, where: str) -> None:
    """Both keys that name a codec, for readers differ in which one they take."""
    names = [codec]
    if isinstance(codec, dict):
        inner = codec.get("configuration")
        names = [codec[key] for key in ("id", "name") if key in codec] or [None]
        names += [inner["id"]] if isinstance(inner, dict) and "id" in inner else []
    for name in names:
        if name not in (*_CODECS, *(known.removeprefix("numcodecs.") for known in _CODECS)):
            raise InputError(f"{where}: is packed with {ascii(name)[:60]}, which is not read; {_AGAIN}")


def _chunks(array: Mapping[str, Any], shape: tuple[int, ...], where: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape of what a file holds, and of what is unpacked at once."""
    if "chunk_grid" in array:
        grid = array["chunk_grid"]
        if not isinstance(grid, dict) or grid.get("name") != "regular":
            raise InputError(f"{where}: has no regular grid of chunks; {_AGAIN}")
        chunks = _sizes(_configuration(grid).get("chunk_shape"), where)
    else:
        chunks = _sizes(array.get("chunks"), where)
    shards = [codec for codec in _codecs(array) if isinstance(codec, dict) and codec.get("name") == "sharding_indexed"]
    if len(shards) > 1:
        raise InputError(f"{where}: has shards within shards, which are not read; {_AGAIN}")
    inner = _sizes(_configuration(shards[0]).get("chunk_shape"), where) if shards else chunks
    if not len(shape) == len(chunks) == len(inner) or 0 in (*chunks, *inner):
        raise InputError(f"{where}: has chunks {chunks[:4]} for shape {shape[:4]}: its metadata are damaged; {_AGAIN}")
    return chunks, inner


def _item_bytes(array: Mapping[str, Any], where: str) -> int:
    kind = array.get("dtype", array.get("data_type"))
    if isinstance(kind, str) and (match := _PLAIN_V2.fullmatch(kind)):
        return int(match[2]) * (4 if match[1] == "U" else 1)
    if isinstance(kind, str) and _PLAIN.fullmatch(kind):
        return np.dtype(kind).itemsize
    if kind in ("|O", "string", "variable_length_utf8"):
        return _TEXT_BYTES
    if isinstance(kind, dict) and kind.get("name") in ("fixed_length_utf32", "null_terminated_bytes"):
        return _sizes([_configuration(kind).get("length_bytes")], where)[0]
    raise InputError(f"{where}: holds {ascii(kind)[:60]}; expected numbers or text: {_AGAIN}")


def _sizes(value: Any, where: str) -> tuple[int, ...]:
    sizes = value if isinstance(value, list) else [None]
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= _MOST_SIZE for n in sizes):
        raise InputError(f"{where}: has the shape {ascii(value)[:80]}; expected whole numbers: {_AGAIN}")
    return tuple(sizes)


def _configuration(part: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = part.get("configuration")
    return inner if isinstance(inner, dict) else {}
