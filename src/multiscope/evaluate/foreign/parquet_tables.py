"""Tables in Parquet: of all columns only names and numbers are decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from multiscope.errors import InputError
from multiscope.evaluate.foreign import content as shared
from multiscope.evaluate.foreign.content import Content, Values, shown

_CELLS_AT_ONCE = 2**22
_MOST_NAME_BYTES = 2**28
_UNNAMED = "index"
"""What the index of pandas is called where it has no name."""


def read_parquet_table(path: Path, gene_column: str | None) -> Content:
    """Names and columns of numbers; names may be in the index, as pandas writes it.

    Columns of other types, true and false among them, are left out, and said.
    """
    if not path.is_file():
        raise InputError(f"{path}: is no plain file; expected a Parquet table in one file")
    try:
        with pq.ParquetFile(path) as file:
            return _content(path, file, gene_column)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{path}: is no Parquet table ({shared.one_line(error)}); write it again") from None


def _content(path: Path, file: pq.ParquetFile, gene_column: str | None) -> Content:
    schema = file.schema_arrow
    shared.check_columns(path, schema.names)
    gene = _gene(path, schema, gene_column)
    index = _index(schema)
    others = [n for n in schema.names if n != gene and n not in index and not n.startswith(shared.METADATA)]
    features = [n for n in others if pa.types.is_integer(t := schema.field(n).type) or pa.types.is_floating(t)]
    if not features:
        raise shared.no_numbers(path, gene)
    chosen = set(features)
    shared.say_left_out(path, "columns that are not of numbers", [n for n in others if n not in chosen])
    _check_metadata(path, file.metadata, chosen | {gene})
    shared.check_table(path, file.metadata.num_rows, len(features))
    return Content(_numbers(file, features), _names(path, gene), features)


def _gene(path: Path, schema: pa.Schema, wanted: str | None) -> str:
    """The column of names; the index without a name is called `index`, and is taken where no usual column is there."""
    if len(set(schema.names)) < len(schema.names):
        twice = next(name for name in schema.names if schema.names.count(name) > 1)
        raise InputError(f"{path}: has column {shown(twice)} twice; rename one")
    unnamed = next((name for name in _index(schema) if name.startswith("__index_level_")), None)
    if unnamed is None or not _is_text(schema.field(unnamed).type):
        return shared.gene_column(path, schema.names, wanted)
    if wanted == _UNNAMED not in schema.names or (wanted is None and not set(shared.GENES) & set(schema.names)):
        return unnamed
    return shared.gene_column(path, schema.names, wanted)


def _index(schema: pa.Schema) -> list[str]:
    """Columns that pandas wrote of an index."""
    facts: Any = schema.pandas_metadata
    listed = facts.get("index_columns") if isinstance(facts, dict) else None
    return [name for name in listed or [] if isinstance(name, str) and name in schema.names]


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_metadata(path: Path, facts: pq.FileMetaData, chosen: set[str]) -> None:
    """Refuse columns that hold more values than there are rows, and that are read along with a chosen one."""
    for group in (facts.row_group(number) for number in range(facts.num_row_groups)):
        size = 0
        for column in (group.column(number) for number in range(group.num_columns)):
            name = column.path_in_schema
            if name in chosen:
                size += column.total_uncompressed_size
                if column.num_values != group.num_rows:
                    raise InputError(f"{path}: column {shown(name)} is damaged (not a value a row); write it again")
            elif any(name[:end] in chosen for end, sign in enumerate(name) if sign == "."):
                raise InputError(f"{path}: column {shown(name)} has the name of another before its point; rename it")
        shared.check_size(path, size)


def _numbers(file: pq.ParquetFile, features: list[str]) -> Values:
    x = np.empty((file.metadata.num_rows, len(features)))
    start, rows = 0, max(1, _CELLS_AT_ONCE // len(features))
    for batch in file.iter_batches(batch_size=rows, columns=features, use_threads=False):
        by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
        for number, feature in enumerate(features):
            cells = by_name[feature].cast(pa.float64(), safe=False)
            x[start : start + len(batch), number] = cells.to_numpy(zero_copy_only=False)
        start += len(batch)
    if start != len(x):
        raise ValueError(f"{start} rows where {len(x)} are said")
    return x


def _names(path: Path, gene: str) -> list[str]:
    """The names, decoded as a dictionary: a long text that comes in each row is in the file but once."""
    names: list[str] = []
    left = _MOST_NAME_BYTES
    with pq.ParquetFile(path, read_dictionary=[gene]) as file:
        for number in range(file.metadata.num_row_groups):
            for cells in file.read_row_group(number, columns=[gene], use_threads=False).column(gene).chunks:
                left -= _n_bytes(cells)
                if left < 0:
                    raise InputError(
                        f"{path}: has more than {_MOST_NAME_BYTES >> 20} MiB of names in {shown(gene)}; expected names "
                        "of genes: name their column with --gene-column"
                    )
                names += [shared.as_name(value) for value in cells.to_pylist()]
    return names


def _n_bytes(cells: pa.Array) -> int:
    """Bytes of all cells, each counted as often as it comes."""
    if not pa.types.is_dictionary(cells.type):
        return int(cells.nbytes)
    if not _is_text(cells.type) and not pa.types.is_binary(cells.type.value_type):
        return 8 * len(cells)
    lengths = pc.binary_length(cells.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(cells.indices)).as_py() or 0)
