"""Reading and writing the chunks of one Zarr array with tensorstore, so that damage is an error and never zeros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts

from multiscope.errors import InputError

Array = npt.NDArray[Any]


class Chunks:
    """A Zarr v3 array on disk, open for reading."""

    def __init__(self, path: Path) -> None:
        """Open the array at `path`; anything that tensorstore refuses is an `InputError`."""
        self.path = path
        spec = {**_spec(path), "fill_missing_data_reads": False, "recheck_cached_data": "open"}
        try:
            self._array = ts.open(spec, open=True, read=True, write=False).result()
        except ValueError as error:
            raise self._damaged(error) from None
        self.shape: tuple[int, ...] = tuple(self._array.shape)
        self.dtype: np.dtype[Any] = self._array.dtype.numpy_dtype

    def read(self, index: Any = ...) -> Array:
        """The values at `index`; a missing or damaged shard is an `InputError` that names it."""
        try:
            return np.asarray(self._array[index].read().result())
        except ValueError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: ValueError) -> InputError:
        return InputError(f"{self.path}: damaged: {str(error).splitlines()[0][:300]}; make the store again")


def write_chunks(path: Path, values: Array) -> None:
    """Fill the existing array at `path`, also where `values` equal the fill value: what is missing is damage."""
    spec = {**_spec(path), "store_data_equal_to_fill_value": True}
    ts.open(spec, open=True, read=False, write=True).result()[...].write(values).result()


def _spec(path: Path) -> dict[str, Any]:
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path.resolve()}/"}}
