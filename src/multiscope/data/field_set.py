"""Fields into the data stage's folder: clean and degraded OME-Zarr images, labels, tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import zarr

from multiscope.config import Defects, Split
from multiscope.data.assignment import assign_defects
from multiscope.data.intensity import IntensityRange
from multiscope.data.reader import FieldReader
from multiscope.data.seeding import stable_rng
from multiscope.data.split import deal, split_digest
from multiscope.errors import InputError
from multiscope.manifest import StageRun
from multiscope.progress import track
from multiscope.simulate.defects import degrade
from multiscope.stores.fields import write_field

T = TypeVar("T")
_THREADS = 2


@dataclass(frozen=True)
class _Written:
    """What is kept of a field after it was written."""

    shape: tuple[int, ...]
    dtype: str
    n_cells: int | None
    where: str
    train: np.ndarray[Any, Any] | None


def write_fields(made: StageRun, reader: FieldReader, *, defects: Defects, split: Split, seed: int) -> None:
    """Write every field of `reader`, with its own defect, test fields with every defect; only a few are in memory."""
    table = reader.fields.copy()
    table["split"] = deal(table, split, where=reader.where)
    table["defect"] = assign_defects(table, list(defects), seed=seed)
    _create_groups(made.path, list(defects))
    writer = _Writer(made.path, reader, defects, seed, table)
    done: list[_Written] = []
    intensities = IntensityRange(reader.channels)
    for written in track(_in_threads(writer.write, len(table)), what="data: fields", total=len(table)):
        _check_dtype(written, done[0] if done else written)
        if written.train is not None:
            intensities.add(written.train)
        done.append(_without_pixels(written))
    table["height"] = [written.shape[-2] for written in done]
    table["width"] = [written.shape[-1] for written in done]
    table.to_parquet(made.path / "fields.parquet", compression="zstd")
    reader.proteins.to_parquet(made.path / "proteins.parquet", compression="zstd")
    reader.write_standards(made.path / "standards")
    _describe(made, reader, done)
    made.note("split_digest", split_digest(table["field_id"].tolist(), table["split"].tolist()))
    made.note("defects", {name: defect.model_dump() for name, defect in defects.items()})
    for key, value in intensities.as_notes(where=reader.where).items():
        made.note(key, value)


def _describe(made: StageRun, reader: FieldReader, done: list[_Written]) -> None:
    made.note("kind", "fields")
    made.note("channels", reader.channels)
    made.note("pixel_size_um", reader.pixel_size_um)
    made.note("dtype", done[0].dtype)
    for what, count in reader.counts.items():
        made.count(what, count.kept, count.dropped)
    made.count("proteins", int((reader.proteins["protein"] != "").sum()))
    if done[0].n_cells is not None:
        made.count("cells", sum(written.n_cells or 0 for written in done))


class _Writer:
    """Writes one field; called from several threads."""

    def __init__(self, out: Path, reader: FieldReader, defects: Defects, seed: int, table: Any) -> None:
        self._out, self._reader, self._defects, self._seed, self._table = out, reader, defects, seed, table

    def write(self, number: int) -> _Written:
        row = self._table.iloc[number]
        pixels = self._reader.read(number)
        channels, size = self._reader.channels, self._reader.pixel_size_um
        clean = self._out / "clean.zarr" / row["field_id"]
        write_field(clean, pixels.image, channels=channels, pixel_size_um=size, labels=pixels.labels)
        for name in self._defects if row["split"] == "test" else filter(None, [row["defect"]]):
            rng = stable_rng(self._seed, "degrade", row["field_id"], name)
            degraded = degrade(name, pixels.image, strength=self._defects[name].strength, rng=rng)
            path = self._out / "degraded.zarr" / name / row["field_id"]
            write_field(path, degraded, channels=channels, pixel_size_um=size)
        n_cells = None if pixels.labels is None else len(np.setdiff1d(pixels.labels, [0]))
        train = pixels.image if row["split"] == "train" else None
        return _Written(pixels.image.shape, str(pixels.image.dtype), n_cells, pixels.where, train)


def _without_pixels(written: _Written) -> _Written:
    return _Written(written.shape, written.dtype, written.n_cells, written.where, None)


def _create_groups(out: Path, defects: Sequence[str]) -> None:
    for name in ("clean.zarr", *(["degraded.zarr"] if defects else []), *(f"degraded.zarr/{d}" for d in defects)):
        zarr.create_group(out / name, zarr_format=3)


def _in_threads(work: Callable[[int], T], n: int) -> Iterator[T]:
    """Results of `work(0)` to `work(n - 1)` in order; never more than a few begun ahead."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for number in range(n):
                waiting.append(pool.submit(work, number))
                if len(waiting) > _THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _check_dtype(written: _Written, first: _Written) -> None:
    if written.dtype != first.dtype:
        raise InputError(
            f"{written.where}: is {written.dtype}, but {first.where} is {first.dtype}; expected one type of numbers: "
            "export all fields alike"
        )
