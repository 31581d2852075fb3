"""Tables of text: `.csv`, `.tsv` and `.txt`, gzipped or not, read a part at a time."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from multiscope.errors import InputError
from multiscope.evaluate.foreign import content as shared
from multiscope.evaluate.foreign.content import Content, Values, shown
from multiscope.images.bounded import read_bounded

_HEADER_BYTES = 2**24
_CELLS_AT_ONCE = 2**22


def read_text_table(path: Path, gene_column: str | None, separator: str) -> Content:
    """Names as they are written (`NA` is one), and the columns of numbers.

    A column without any number is left out, and said. One that is mostly numbers and has text in a cell, which would
    be lost with it, is an `InputError`.
    """
    try:
        text = _unpacked(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return _parsed(path, text, gene_column, separator)
    except pd.errors.ParserWarning:
        raise InputError(f"{path}: has rows with more cells than the header; give each column a name") from None
    except (OSError, EOFError, ValueError, OverflowError, csv.Error, zlib.error) as error:
        raise InputError(f"{path}: is no table ({shared.one_line(error)}); expected columns with a header") from None


def _unpacked(path: Path) -> bytes:
    content = read_bounded(path, limit=shared.MOST_BYTES, where=str(path), instead="use Parquet")
    if path.name.lower().endswith(".gz"):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            content = file.read(shared.MOST_BYTES + 1)
        shared.check_size(path, len(content))
    return content


def _parsed(path: Path, text: bytes, gene_column: str | None, separator: str) -> Content:
    _check_header(path, text, separator)
    header = [str(column) for column in pd.read_csv(io.BytesIO(text), sep=separator, nrows=0, index_col=False).columns]
    gene = shared.gene_column(path, header, gene_column)
    columns = [column for column in header if column != gene and not column.startswith(shared.METADATA)]
    if not columns:
        raise shared.no_numbers(path, gene)
    parts = pd.read_csv(
        io.BytesIO(text),
        sep=separator,
        index_col=False,
        usecols=[gene, *columns],
        converters={gene: str.strip},  # before anything is taken for a number or for missing
        chunksize=max(1, _CELLS_AT_ONCE // len(header)),
        low_memory=False,
    )
    numbers = _Numbers(path, columns)
    names = [name for part in parts for name in numbers.add(part, part[gene].tolist())]
    return numbers.content(gene, names)


def _check_header(path: Path, text: bytes, separator: str) -> None:
    """Refuse a header without end before it is parsed into millions of names."""
    start = io.StringIO(text[:_HEADER_BYTES].decode("utf-8-sig", errors="replace"), newline="")
    header = next((row for row in csv.reader(start, delimiter=separator) if row), [])
    if len(text) > _HEADER_BYTES and not start.read(1):
        raise InputError(f"{path}: has a header of more than {_HEADER_BYTES} bytes; expected names of columns")
    shared.check_columns(path, header)


class _Numbers:
    """The columns of a table as numbers, and what text was found in them."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._path, self._columns = path, columns
        self._parts: list[Values] = []
        self._n_rows = 0
        self._n_numbers, self._n_texts = (np.zeros(len(columns), dtype=np.int64) for _ in range(2))
        self._first: dict[int, str] = {}
        """By column: its first text and where that is."""

    def add(self, part: pd.DataFrame, names: list[str]) -> Iterator[str]:
        """Add rows, called `names`, and give the names back."""
        shared.check_table(self._path, self._n_rows + len(part), len(self._columns))
        x = np.empty((len(part), len(self._columns)))
        for number, column in enumerate(self._columns):
            x[:, number] = self._numbers(number, part[column], names)
        self._parts.append(x)
        self._n_rows += len(part)
        yield from names

    def _numbers(self, number: int, cells: pd.Series, names: list[str]) -> Values:
        """The cells as numbers, NaN where there is none; true and false are texts."""
        filled = cells.notna().to_numpy()
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
            found = cells.to_numpy(dtype=np.float64)
        else:
            found = pd.to_numeric(cells.astype(str), errors="coerce").to_numpy(dtype=np.float64)
            texts = np.flatnonzero(filled & np.isnan(found))
            self._n_texts[number] += len(texts)
            if len(texts) and number not in self._first:
                row = int(texts[0])
                where = f"row {self._n_rows + row + 1} ({shown(names[row])})"
                self._first[number] = f"{shown(str(cells.iloc[row]))} in {where}"
        self._n_numbers[number] += int((filled & ~np.isnan(found)).sum())
        return found

    def content(self, gene: str, names: list[str]) -> Content:
        """All rows, without the columns that are no features."""
        for number in np.flatnonzero((self._n_texts > 0) & (self._n_numbers > self._n_texts)):
            raise InputError(
                f"{self._path}: column {shown(self._columns[number])} has {self._first[int(number)]} and "
                f"{self._n_numbers[number]} numbers; leave such cells empty, drop their rows, or call the column "
                f"{shared.METADATA}..."
            )
        features = self._n_texts == 0
        if not features.any():
            raise shared.no_numbers(self._path, gene)
        left_out = [self._columns[number] for number in np.flatnonzero(~features)]
        shared.say_left_out(self._path, "columns of text", left_out)
        x = np.concatenate(self._parts) if self._parts else np.empty((0, len(self._columns)))
        chosen = [self._columns[number] for number in np.flatnonzero(features)]
        return Content(x if features.all() else x[:, features], names, chosen)
