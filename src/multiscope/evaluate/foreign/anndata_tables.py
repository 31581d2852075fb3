"""Tables of AnnData, in HDF5 or Zarr: only `X`, one column of `obs` and the names in `var` are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from multiscope.errors import InputError
from multiscope.evaluate.foreign import content as shared
from multiscope.evaluate.foreign.content import Content, Values
from multiscope.evaluate.foreign.hdf5 import Hdf5Node
from multiscope.evaluate.foreign.zarr_store import ZarrNode
from multiscope.images.zarr.node import is_zarr

_AGAIN = "write it again"


class _Node(Protocol):
    """A group or an array, of a file or a store."""

    @property
    def where(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    @property
    def shape(self) -> tuple[int, ...] | None: ...
    def child(self, name: str) -> _Node | None: ...
    @property
    def n_bytes(self) -> int: ...
    def read(self, most: int) -> npt.NDArray[Any]: ...


def read_anndata_table(path: Path, gene_column: str | None) -> Content:
    """`X`, dense or sparse, with names of a column of `obs`, or of its index where no usual column is there."""
    try:
        with _opened(path) as top:
            return _Table(path, top).content(gene_column)
    except InputError:
        raise
    except Exception as error:  # h5py and zarr raise many kinds; all mean that this is no AnnData
        raise InputError(f"{path}: cannot be read as AnnData ({shared.one_line(error)}); {_AGAIN}") from None


@contextmanager
def _opened(path: Path) -> Iterator[_Node]:
    if path.is_dir():
        if not is_zarr(path):
            raise InputError(f"{path}: is no Zarr store; expected AnnData's")
        yield ZarrNode.open(path)
    elif not path.is_file():
        raise InputError(f"{path}: is no plain file; expected AnnData")
    else:
        with h5py.File(path, "r") as file:
            yield Hdf5Node(path, file)


class _Table:
    """An AnnData table of which no more than a limit of bytes is read."""

    def __init__(self, path: Path, top: _Node) -> None:
        self._path, self._top, self._left = path, top, shared.MOST_BYTES

    def content(self, wanted: str | None) -> Content:
        x = self._x()
        obs, var = self._frame("obs"), self._frame("var")
        names, features = self._column(obs, self._gene(obs, wanted)), self._column(var, self._index(var))
        if (len(names), len(features)) != x.shape:
            raise InputError(f"{self._path}: has X of {x.shape} for {len(names)} rows and {len(features)} features")
        return Content(x, names, features)

    def _x(self) -> Values:
        node = self._top.child("X")
        if node is None or str(node.attributes.get("encoding-type", "array")) == "null":
            raise InputError(f"{self._path}: has no X; expected profiles, one row a protein")
        if node.shape is None:
            return self._sparse(node)
        if len(node.shape) != 2:
            raise InputError(f"{node.where}: has shape {node.shape[:4]}; expected rows and features")
        shared.check_table(self._path, *node.shape)
        return self._numbers(node).astype(np.float64, copy=False)

    def _sparse(self, node: _Node) -> Values:
        kind = {"csr_matrix": sp.csr_matrix, "csc_matrix": sp.csc_matrix}.get(
            str(node.attributes.get("encoding-type", node.attributes.get("h5sparse_format", "")) or "")
        )
        shape = [int(size) for size in node.attributes.get("shape", node.attributes.get("h5sparse_shape", ()))]
        if kind is None or len(shape) != 2 or min(shape) < 0:
            raise InputError(f"{node.where}: is no matrix that is read; expected an array, csr_matrix or csc_matrix")
        shared.check_table(self._path, *shape)
        parts = [self._numbers(self._part(node, name)) for name in ("data", "indices", "indptr")]
        matrix = kind(tuple(parts), shape=tuple(shape))
        matrix.check_format(full_check=True)  # an index beyond the matrix would write beyond the memory
        return np.asarray(matrix.toarray(), dtype=np.float64)

    def _frame(self, name: str) -> _Node:
        node = self._part(self._top, name)
        if node.shape is not None:
            raise InputError(f"{node.where}: is of an AnnData before 0.7; read and write it with a newer one")
        return node

    def _index(self, frame: _Node) -> str:
        return str(frame.attributes.get("_index", "_index"))

    def _gene(self, obs: _Node, wanted: str | None) -> str:
        columns = [shared.as_name(column) for column in np.ravel(obs.attributes.get("column-order", ()))]
        index = self._index(obs)
        if wanted is None and not set(columns) & set(shared.GENES):
            return index
        return index if wanted == index else shared.gene_column(self._path, columns, wanted)

    def _column(self, frame: _Node, name: str) -> list[str]:
        column, older = self._part(frame, name), frame.child("__categories")
        categories = older.child(name) if older is not None else None
        if categories is not None:  # as AnnData 0.7 wrote them
            return self._chosen(self._values(column), categories)
        return self._texts(column)

    def _texts(self, column: _Node) -> list[str]:
        """The cells as names, of any of AnnData's encodings of a column."""
        if column.shape is not None:
            return _strings(self._values(column))
        if column.child("codes") is not None:
            return self._chosen(self._values(self._part(column, "codes")), self._part(column, "categories"))
        values, missing = (self._values(self._part(column, name)) for name in ("values", "mask"))
        return ["" if no else name for name, no in zip(_strings(values), missing.tolist(), strict=True)]

    def _chosen(self, codes: npt.NDArray[Any], categories: _Node) -> list[str]:
        known = [*self._texts(categories), ""]
        if codes.dtype.kind not in "iu" or (codes.size and not -1 <= codes.min() <= codes.max() < len(known) - 1):
            raise InputError(f"{categories.where}: has {len(known) - 1} names for other codes; {_AGAIN}")
        return [known[code] for code in codes.tolist()]

    def _part(self, node: _Node, name: str) -> _Node:
        found = node.child(name)
        if found is None:
            raise InputError(f"{node.where}: has no {ascii(name)[:60]}; expected AnnData: {_AGAIN}")
        return found

    def _numbers(self, node: _Node) -> npt.NDArray[Any]:
        found = self._values(node)
        if found.dtype.kind not in "biuf":
            raise InputError(f"{node.where}: holds {found.dtype}; expected numbers")
        return found

    def _values(self, node: _Node) -> npt.NDArray[Any]:
        found = node.read(self._left)
        self._left -= max(node.n_bytes, found.nbytes)
        return found


def _strings(values: npt.NDArray[Any]) -> list[str]:
    if values.ndim != 1:
        raise ValueError(f"a column of shape {values.shape[:4]}")
    return [shared.as_name(value) for value in values.tolist()]
