"""Files that are durable, shared by the umask, removed under NFS, and disks that are full."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multiscope.folders import disk
from multiscope.folders.disk import (
    full_disk,
    remove_folder,
    replacing,
    share,
    sync,
    sync_files,
    visible_files,
    where_full,
)
from tests.disks import small_disk


@pytest.fixture
def silly(monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS while another process has a file open: `.nfs*` cannot be removed, nor the folder it is in."""
    unlink, rmdir = os.unlink, os.rmdir

    def refuse(path: Any, *, dir_fd: int | None = None) -> None:
        if os.fsdecode(path).rpartition("/")[2].startswith(".nfs"):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        unlink(path, dir_fd=dir_fd)

    for name, function in (("unlink", refuse), ("remove", refuse), ("rmdir", rmdir)):
        monkeypatch.setattr(os, name, function)


@pytest.mark.usefixtures("silly")
def test_a_name_is_free_though_nfs_keeps_an_open_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / ".nfs0001").write_text("b")
    remove_folder(folder)
    assert not folder.exists()
    left = list(tmp_path.iterdir())
    assert len(left) == 1 and left[0].name.startswith(".out.") and left[0].name.endswith(".removed")
    assert [path.name for path in left[0].rglob("*") if path.is_file()] == [".nfs0001"]
    monkeypatch.undo()  # the other process has closed it
    remove_folder(folder)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_nfs_are_no_part_of_a_result(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a", "sub/b", "sub/.zattrs", ".nfs1", "sub/.nfs2", ".snakemake_timestamp"):
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in visible_files(tmp_path)] == ["a", "sub/.zattrs", "sub/b"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_folder_that_cannot_be_synced_is_none_of_our_trouble_but_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "a").touch()

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    sync(tmp_path)
    with pytest.raises(OSError, match=os.strerror(number)):
        sync(tmp_path / "a")


def test_a_folder_whose_disk_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        sync(tmp_path)


def test_a_file_is_synced_with_all_names_that_lead_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    path.parent.mkdir(parents=True)
    path.touch()
    synced: list[Path] = []
    monkeypatch.setattr(disk, "sync", synced.append)
    sync_files([path], tmp_path)
    assert synced[0] == path
    assert set(synced[1:]) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as partial:
        partial.write_text("ne")
        raise KeyboardInterrupt
    assert [each.name for each in tmp_path.iterdir()] == ["scores.csv"]
    assert path.read_text() == "old"
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["scores.csv"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o027])
def test_a_temporary_file_gets_the_permissions_of_others(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        descriptor, name = tempfile.mkstemp(dir=tmp_path)
        os.close(descriptor)
        share(Path(name))
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o666 & ~umask
        assert os.umask(umask) == umask
    finally:
        os.umask(before)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_known_however_it_is_said(number: int) -> None:
    said = os.strerror(number)
    assert full_disk(OSError(number, said)) == said
    assert full_disk(RuntimeError(f"IOError: [Errno {number}] {said}")) == said
    try:
        try:
            raise OSError(number, said)
        except OSError:
            raise RuntimeError("unexpected pos 64 vs 0")  # noqa: B904 - as torch does
    except RuntimeError as error:
        assert full_disk(error) == said
    assert full_disk(OSError(errno.EACCES, "no")) is None
    assert full_disk(None) is None


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB and eight inodes."""
    with small_disk(tmp_path / "disk", size="2m", nr_inodes=8) as disk:
        yield disk


def test_it_is_said_which_disk_lacks_what(mounted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # one's share of a disk may be used up, though the disk is not
    assert where_full(mounted) == f"{mounted}: the disk is full"
    assert where_full(tmp_path) == f"{tmp_path}: the disk is full"
    (mounted / "large").write_bytes(bytes(2**20 + 4096))
    monkeypatch.setattr(tempfile, "tempdir", str(mounted))
    assert where_full(tmp_path) == f"{mounted}: the disk is full"
    (mounted / "large").unlink()
    with pytest.raises(OSError, match="No space left"):
        for number in range(8):
            (mounted / str(number)).touch()
    assert where_full(mounted) == f"{mounted}: the disk has no inodes left (too many files)"


def test_what_replaces_a_file_has_its_ending(tmp_path: Path) -> None:
    """Some writers compress by it."""
    with replacing(tmp_path / "scores.csv.gz") as partial:
        assert partial.name.endswith(".csv.gz") and partial.parent == tmp_path
        partial.write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv.gz"]
