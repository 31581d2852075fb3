"""The state of a training: the old one or the new one, with all that it goes on from."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from multiscope.errors import InputError
from multiscope.folders.disk import full_disk
from multiscope.training.state import StateFolder
from tests.disks import small_disk


def state(path: Path) -> StateFolder:
    return StateFolder(path / "out.state", fingerprint="x")


def begun(path: Path, *, step: int = 1, size: int = 1) -> StateFolder:
    """A training that has saved a state after one epoch."""
    folder = state(path)
    folder.append("row\n")
    (folder.epochs / "001.safetensors").write_bytes(b"weights")
    folder.save({"step": step, "values": torch.zeros(size)})
    return folder


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    with small_disk(tmp_path / "disk", size="1m") as disk:
        yield disk


def test_a_disk_that_fills_while_the_state_is_saved_leaves_the_one_before(mounted: Path) -> None:
    folder = begun(mounted, size=2**17)  # half of the disk: there is no room for two
    with pytest.raises((OSError, RuntimeError)) as caught:
        folder.save({"step": 2, "values": torch.ones(2**17)})
    assert full_disk(caught.value) == os.strerror(errno.ENOSPC)
    assert caught.value.__notes__ == [f"the state of the training that was saved before is kept in {folder.path}"]
    assert sorted(path.name for path in folder.path.iterdir()) == ["epochs", "history.jsonl", "state.pt"]
    found = state(mounted).resumable
    assert found is not None and found["step"] == 1


def test_where_no_state_was_saved_before_none_is_promised(mounted: Path) -> None:
    folder = state(mounted)
    with pytest.raises((OSError, RuntimeError)) as caught:
        folder.save({"values": torch.ones(2**19)})
    assert full_disk(caught.value) and not getattr(caught.value, "__notes__", [])
    assert state(mounted).resumable is None


def test_what_a_state_goes_on_from_is_on_the_disk_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def remember(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        synced.append(f"-> {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", remember)
    monkeypatch.setattr(Path, "replace", rename)
    folder = begun(tmp_path)
    named = synced.index("-> state.pt")
    assert {"history.jsonl", "001.safetensors", "epochs", "state.pt.partial"} <= set(synced[:named])
    assert synced[named + 1 :] == ["out.state"]
    synced.clear()
    folder.save({"step": 2})
    assert "001.safetensors" not in synced and "history.jsonl" in synced


@pytest.mark.parametrize("name", ["history.jsonl", "epochs/001.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_state_whose_history_or_checkpoints_are_not_whole_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    path = begun(tmp_path).path / name
    path.unlink() if damage == "missing" else os.truncate(path, 1)
    with pytest.raises(InputError, match=rf"{name}: is missing or cut off.*; delete .*state\.pt"):
        state(tmp_path)


def test_what_was_written_after_the_state_is_no_damage(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.append("row of a later step\n")
    (folder.epochs / "002.safetensors").write_bytes(b"half a che")
    assert state(tmp_path).resumable is not None


def test_a_removal_that_is_killed_leaves_nothing_to_go_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(tmp_path)

    def kill(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("multiscope.training.state.remove_folder", kill)
        folder.remove()
    assert (folder.path / "history.jsonl").exists()
    assert state(tmp_path).resumable is None
    assert sorted(path.name for path in folder.path.iterdir()) == ["epochs"]


def test_leftovers_of_nfs_are_nobodys_files(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    for name in (".nfs1", "epochs/.nfs2"):
        (folder.path / name).touch()
    assert state(tmp_path).resumable is not None
    assert [path.name for path in folder.checkpoints()] == ["001.safetensors"]


def test_a_state_that_holds_anything_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out.state").mkdir()
    (tmp_path / "out.state" / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"holds 'thesis\.tex', which no training left"):
        state(tmp_path)
    assert (tmp_path / "out.state" / "thesis.tex").exists()
