"""The metadata of one Zarr array, version 2 or 3: bounded in every number before anything is allocated."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiscope.errors import InputError
from multiscope.images.zarr.node import Node

_MAX_CHUNK_BYTES = 2**30
_SMALL_CHUNK_BYTES = 2**26
_MAX_IN_SHARD = 2**20
_MAX_SIZE = 2**40
_AGAIN = "copy or export the store again"
_SIZES = {"b": (1,), "u": (1, 2, 4, 8), "i": (1, 2, 4, 8), "f": (2, 4, 8)}
_DTYPES = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)
# whatever else has a name may run code (pickle) or unpack without limit
_CODECS = ("bytes", "transpose", "blosc", "gzip", "zstd", "crc32c", "sharding_indexed")
_COMPRESSORS = ("blosc", "zlib", "gzip", "bz2", "zstd", "lz4", "lzma")
_ROUNDING = ("fixedscaleoffset", "quantize", "bitround")
_FILTERS = ("delta", "shuffle", "packbits", *_ROUNDING)


@dataclass(frozen=True)
class Header:
    """Layout of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """In native byte order."""
    files: tuple[int, ...]
    """Shape of what one file holds: a chunk or a shard."""
    chunk: tuple[int, ...]
    """Shape of what is unpacked at once."""
    prefix: str
    separator: str
    """A file is called `prefix`, then the numbers of the chunk with `separator` between them."""
    codecs: tuple[str, ...]
    """Names of compressors and filters."""
    names: tuple[str | None, ...] = ()
    """Names of the axes in the array's own metadata, if they are there."""

    @property
    def n_files(self) -> int:
        """Files of an array in which no chunk is left out."""
        return math.prod(-(-size // n) for size, n in zip(self.shape, self.files, strict=True))

    @property
    def is_lossy(self) -> bool:
        """Whether a filter changed the numbers."""
        return any(codec in _ROUNDING for codec in self.codecs)

    def is_chunk(self, name: str) -> bool:
        """Whether a file of this name below the array's folder is one of its chunks or shards."""
        parts = name.removeprefix(self.prefix).split(self.separator)
        plain = name.startswith(self.prefix) and len(parts) == len(self.shape)
        return plain and all(
            re.fullmatch("0|[1-9][0-9]{0,12}", part) is not None and int(part) * n < size
            for part, n, size in zip(parts, self.files, self.shape, strict=True)
        )


def read_header(node: Node) -> Header:
    """The layout of the array `node`; one that is not read, or claims too much, is an `InputError`."""
    if node.array is None:
        raise InputError(f"{node.where}: is a group; expected an array of pixels: {_AGAIN}")
    header = (_v3 if node.zarr_format == 3 else _v2)(node.array, node.where)
    if not 2 <= len(header.shape) <= 5:
        raise InputError(f"{node.where}: has {len(header.shape)} dimensions; expected 2 to 5")
    for what, shape in (("chunks", header.chunk), ("shards", header.files)):
        if len(shape) != len(header.shape):
            raise InputError(
                f"{node.where}: has {what} {shape} for shape {header.shape}: its metadata are damaged; {_AGAIN}"
            )
    # a chunk may be larger than its array, but not by much
    n_used = math.prod(map(min, header.chunk, header.shape)) * header.dtype.itemsize
    n_bytes, most = math.prod(header.chunk) * header.dtype.itemsize, max(2 * n_used, _SMALL_CHUNK_BYTES)
    if n_bytes > min(most, _MAX_CHUNK_BYTES):
        raise InputError(
            f"{node.where}: has chunks of {n_bytes} bytes; expected up to {min(most, _MAX_CHUNK_BYTES)}: write smaller "
            "chunks"
        )
    n = math.prod(outer // inner for outer, inner in zip(header.files, header.chunk, strict=True))
    if n > _MAX_IN_SHARD:
        raise InputError(f"{node.where}: has {n} chunks a shard; expected up to {_MAX_IN_SHARD}: write larger chunks")
    return header


def _v2(array: dict[str, Any], where: str) -> Header:
    compressor, filters = array.get("compressor"), array.get("filters")
    codecs = _known([compressor] if compressor is not None else [], "id", _COMPRESSORS, where)
    codecs += _known(filters or [], "id", _FILTERS, where)
    separator = array.get("dimension_separator", ".")
    chunk = _sizes(array.get("chunks"), where)
    _check_separator(separator, where)
    return Header(
        _sizes(array.get("shape"), where), _dtype_v2(array.get("dtype"), where), chunk, chunk, "", separator, codecs
    )


def _v3(array: dict[str, Any], where: str) -> Header:
    if array.get("storage_transformers"):
        raise InputError(f"{where}: has storage transformers, which are not read; export the store without")
    grid, keys = array.get("chunk_grid"), array.get("chunk_key_encoding")
    if not isinstance(grid, dict) or grid.get("name") != "regular":
        raise InputError(f"{where}: has no regular grid of chunks; expected chunks of one size: {_AGAIN}")
    scheme = keys.get("name") if isinstance(keys, dict) else None
    if not isinstance(keys, dict) or scheme not in ("default", "v2"):
        raise InputError(f"{where}: names its chunks in an unknown way; expected 'default' or 'v2': {_AGAIN}")
    separator = _configuration(keys).get("separator", "/" if scheme == "default" else ".")
    _check_separator(separator, where)
    files = _sizes(_configuration(grid).get("chunk_shape"), where)
    chunk, codecs = _chunk_v3(array.get("codecs"), files, where)
    names = array.get("dimension_names")
    return Header(
        _sizes(array.get("shape"), where),
        _dtype_v3(array.get("data_type"), where),
        files,
        chunk,
        f"c{separator}" if scheme == "default" else "",
        separator,
        codecs,
        tuple(name if isinstance(name, str) else None for name in names) if isinstance(names, list) else (),
    )


def _chunk_v3(codecs: object, files: tuple[int, ...], where: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """What is unpacked at once, and the names of all codecs; only a shard that nothing packs again is read in parts."""
    names = _known(codecs, "name", _CODECS, where)
    last = codecs[-1] if isinstance(codecs, list) and codecs else None
    if "sharding_indexed" not in names:
        return files, names
    if names != ("sharding_indexed",) or not isinstance(last, dict):
        raise InputError(f"{where}: has shards within other codecs; expected shards alone: {_AGAIN}")
    inner = _sizes(_configuration(last).get("chunk_shape"), where)
    if len(inner) != len(files) or any(outer % n for outer, n in zip(files, inner, strict=True)):
        raise InputError(f"{where}: has chunks {inner} in shards {files}: its metadata are damaged; {_AGAIN}")
    within = _known(_configuration(last).get("codecs"), "name", _CODECS, where)
    if "sharding_indexed" in within:
        raise InputError(f"{where}: has shards within shards, which are not read; export the store again")
    _known(_configuration(last).get("index_codecs", []), "name", _CODECS, where)
    return inner, (*names, *within)


def _known(codecs: object, key: str, known: tuple[str, ...], where: str) -> tuple[str, ...]:
    names = (
        [codec.get(key) if isinstance(codec, dict) else codec for codec in codecs]
        if isinstance(codecs, list)
        else [None]
    )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"{where}: is packed with {ascii(unknown[0])[:60]}; expected {', '.join(known)}: export it with one "
            "of these"
        )
    return tuple(map(str, names))


def _dtype_v2(dtype: object, where: str) -> np.dtype[Any]:
    match = re.fullmatch(r"[<>|=]?([a-zA-Z])(\d{1,2})", dtype) if isinstance(dtype, str) else None
    if match is None or int(match[2]) not in _SIZES.get(match[1], ()):
        raise _unread(dtype, where)
    return np.dtype(f"{match[1]}{match[2]}")


def _dtype_v3(dtype: object, where: str) -> np.dtype[Any]:
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise _unread(dtype, where)
    return np.dtype(dtype)


def _unread(dtype: object, where: str) -> InputError:
    return InputError(
        f"{where}: holds {ascii(dtype)[:60]}; expected bool, integers of 8 to 64 bit or floats of 16 to 64: "
        "export it as one of these"
    )


def _sizes(value: object, where: str) -> tuple[int, ...]:
    sizes = value if isinstance(value, list) else [None]
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 < n <= _MAX_SIZE for n in sizes):
        raise InputError(f"{where}: has the shape {ascii(value)[:80]}; expected positive whole numbers: {_AGAIN}")
    return tuple(sizes)


def _check_separator(separator: object, where: str) -> None:
    if separator not in ("/", "."):
        raise InputError(f"{where}: separates the numbers of chunks by {ascii(separator)[:20]}; expected '/' or '.'")


def _configuration(part: dict[str, Any]) -> dict[str, Any]:
    configuration = part.get("configuration", {})
    return configuration if isinstance(configuration, dict) else {}
