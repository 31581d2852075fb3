from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from multiscope.data.crops import Crops
from multiscope.data.local_copy import local_copy
from multiscope.errors import InputError


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_copy_holds_the_same_and_goes_however_the_work_ends(tiny_crops: Path, scratch: Path) -> None:
    store = Crops(tiny_crops).store
    with pytest.raises(RuntimeError, match="stop"), local_copy(store) as copy:
        assert copy.path.is_relative_to(scratch)
        assert np.array_equal(copy.take("image"), store.take("image"))
        assert copy.table.equals(store.table)
        raise RuntimeError("stop")
    assert list(scratch.iterdir()) == []


def test_too_small_a_disk_is_said_before_anything_is_copied(
    tiny_crops: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    monkeypatch.setattr(shutil, "copytree", None)
    with (
        pytest.raises(InputError, match=r"scratch: has 0 MB free, a copy of .*crops\.zarr takes .* set TMPDIR"),
        local_copy(Crops(tiny_crops).store),
    ):
        pass
    assert list(scratch.iterdir()) == []
