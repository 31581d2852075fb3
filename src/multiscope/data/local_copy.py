"""A copy of a sample store on the local disk, for as long as a job reads it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multiscope.errors import InputError
from multiscope.stores.samples import SampleStore


@contextmanager
def local_copy(store: SampleStore) -> Iterator[SampleStore]:
    """`store` copied once to the folder for temporary files (`TMPDIR`); the copy goes at the end."""
    parts = [store.path, store.path.with_suffix(".parquet")]
    needed = sum(path.stat().st_size for part in parts for path in (part, *part.rglob("*")))
    with tempfile.TemporaryDirectory(prefix="multiscope-") as folder:
        if needed > (free := shutil.disk_usage(folder).free):
            raise InputError(
                f"{tempfile.gettempdir()}: has {free / 1e6:.0f} MB free, a copy of {store.path} takes "
                f"{needed / 1e6:.0f}; set TMPDIR to a larger local disk, or leave --local-copy out"
            )
        print(f"copies {store.path} ({needed / 1e6:.0f} MB) to {folder}", file=sys.stderr, flush=True)
        zarr, table = (Path(folder) / part.name for part in parts)
        shutil.copytree(parts[0], zarr)
        shutil.copyfile(parts[1], table)
        yield SampleStore(zarr)
