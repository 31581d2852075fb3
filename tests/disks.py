"""Small disks, to fill them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, **options: str | int) -> Iterator[Path]:
    """A disk in memory at the new folder `folder`, with `size` and `nr_inodes`; skips where none may be mounted."""
    given = ",".join(f"{name}={value}" for name, value in options.items())
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", given, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def enlarge(disk: Path, *, size: str) -> None:
    """Make a small disk a larger one."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
