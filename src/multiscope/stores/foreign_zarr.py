"""Zarr stores from elsewhere, before anybody's reader opens them: no codec that runs code, no boundless size."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multiscope.errors import InputError

_METADATA = (".zarray", "zarr.json", ".zmetadata")
_MOST_FILES, _MOST_METADATA = 100_000, 16 * 2**20
# any other may run code (pickle) or is not needed for tables
_KNOWN = (
    *("blosc", "zlib", "gzip", "bz2", "zstd", "lz4", "lzma", "delta", "shuffle", "bytes", "transpose", "crc32c"),
    *("sharding_indexed", "vlen-utf8", "vlen-bytes"),
    *(f"numcodecs.{name}" for name in ("blosc", "zlib", "gzip", "zstd", "lz4", "shuffle")),
)


def check_zarr(path: Path, *, most_values: int) -> None:
    """Refuse (`InputError`) a store with unknown codecs, with links, or with an array of more than `most_values`."""
    for number, file in enumerate(path.rglob("*")):
        if number == _MOST_FILES:
            raise InputError(f"{path}: has more than {_MOST_FILES} files; write it with larger chunks")
        if file.is_symlink():
            raise InputError(f"{file}: is a link, which is not followed; copy the store with its files")
        if file.name in _METADATA:
            for array in _arrays(_content(file)):
                _check(file, array, most_values)


def _content(file: Path) -> Any:
    try:
        if file.stat().st_size > _MOST_METADATA:
            raise InputError(f"{file}: is larger than {_MOST_METADATA} bytes; write the store again")
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: is not JSON ({' '.join(str(error).split())[:100]}); write the store again") from None


def _arrays(value: Any) -> Iterator[dict[str, Any]]:
    """All that describes an array or a codec, however deep: consolidated metadata hold those of a whole store."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part


def _check(file: Path, array: dict[str, Any], most_values: int) -> None:
    packed = [array.get("compressor")]
    for key in ("filters", "codecs"):
        packed += array[key] if isinstance(array.get(key), list) else []
    for codec in packed:
        name = codec.get("id", codec.get("name")) if isinstance(codec, dict) else codec
        if name is not None and name not in _KNOWN:
            raise InputError(f"{file}: is packed with {ascii(name)[:60]}, which is not read; export the table again")
    shape = array.get("shape")
    sizes = [n for n in shape if isinstance(n, int)] if isinstance(shape, list) else []
    if math.prod(sizes) > most_values:
        raise InputError(f"{file}: claims {math.prod(sizes)} values; expected up to {most_values}: cut it into parts")
