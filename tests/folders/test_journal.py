"""What is finished stays, and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from multiscope.folders.journal import Journal


def journal(folder: Path, *, fingerprint: str = "a") -> Journal:
    return Journal(folder / "made", fingerprint=fingerprint)


def write(made: Journal, name: str, text: str = "text") -> dict[str, object]:
    with made.unit(name) as unit:
        if not unit.finished:
            unit.path(f"{name}/a.txt").parent.mkdir(exist_ok=True)
            unit.path(f"{name}/a.txt").write_text(text)
            unit.path(f"other/{name}.txt").write_text(text)
            unit.facts = {"text": text, "shape": (1, 2)}
    return unit.facts


def names(folder: Path) -> list[str]:
    made = folder / "made"
    return sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())


def test_finished_units_are_kept_with_their_facts_and_all_else_is_gone(tmp_path: Path) -> None:
    made = journal(tmp_path)
    first = write(made, "one")
    assert first == {"text": "text", "shape": [1, 2]}
    with pytest.raises(RuntimeError), made.unit("two") as unit:
        unit.path("two/half.txt").parent.mkdir(exist_ok=True)
        (made.folder / "two" / "half.txt").write_text("half")
        raise RuntimeError
    (made.folder / "stray.txt").write_text("x")
    made.scratch.mkdir()
    (made.scratch / "x").touch()
    again = journal(tmp_path)
    assert again.kept == 1
    assert names(tmp_path) == [".journal", "one/a.txt", "other/one.txt"]
    assert not (again.folder / "two").exists()
    assert write(again, "one", "changed") == first
    assert (again.folder / "one" / "a.txt").read_text() == "text"
    assert write(again, "two")["text"] == "text"
    assert journal(tmp_path).kept == 2


def test_another_fingerprint_starts_anew(tmp_path: Path) -> None:
    write(journal(tmp_path), "one")
    assert journal(tmp_path, fingerprint="b").kept == 0
    assert names(tmp_path) == [".journal"]
    assert journal(tmp_path).kept == 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing"])
def test_a_unit_whose_files_are_not_as_written_is_redone(tmp_path: Path, damage: str) -> None:
    made = journal(tmp_path)
    for name in ("one", "two", "three"):
        write(made, name)
    path = made.folder / "two" / "a.txt"
    {"cut": lambda: path.write_text("te"), "flipped": lambda: path.write_text("tExt"), "missing": path.unlink}[damage]()
    again = journal(tmp_path)
    # what came later may build on it
    assert again.kept == 1
    assert names(tmp_path) == [".journal", "one/a.txt", "other/one.txt"]


def test_a_line_that_was_not_written_whole_is_not_believed(tmp_path: Path) -> None:
    made = journal(tmp_path)
    write(made, "one")
    write(made, "two")
    path = made.folder / ".journal"
    text = path.read_bytes()
    start = text.index(b'{"name": "two"')
    for end in (start, start + 1, start + 40, len(text) - 1):
        for tail in (b"", b"\0" * 50, b"\0\n"):
            assert journal(tmp_path).kept <= 2
            write(again := journal(tmp_path), "one")
            write(again, "two")
            path.write_bytes(text[:end] + tail)
            assert journal(tmp_path).kept == 1


def test_a_journal_that_is_none_starts_anew(tmp_path: Path) -> None:
    for text in (b"", b"no json\n", b"[]\n", b"\xff\xfe"):
        made = journal(tmp_path)
        write(made, "one")
        (made.folder / ".journal").write_bytes(text)
        assert journal(tmp_path).kept == 0


def test_files_are_hashed_again_only_when_they_were_changed(tmp_path: Path) -> None:
    made = journal(tmp_path)
    write(made, "one")
    before = {row["path"]: row["sha256"] for row in made.describe_all()}
    (made.folder / "one" / "a.txt").write_text("longer than it was")
    after = {row["path"]: row["sha256"] for row in made.describe_all()}
    assert before["other/one.txt"] == after["other/one.txt"]
    assert before["one/a.txt"] != after["one/a.txt"]


def test_a_unit_is_made_once_and_below_the_folder(tmp_path: Path) -> None:
    made = journal(tmp_path)
    write(made, "one")
    with pytest.raises(ValueError, match="'one' was already made"):
        write(made, "one")
    for outside in ("../x", "/x", ".", "a/../../x"):
        with pytest.raises(ValueError, match="is not below"), made.unit(outside) as unit:
            unit.path(outside)


def test_a_file_of_the_same_size_and_time_is_hashed_again_if_it_was_written_anew(tmp_path: Path) -> None:
    """As on a disk that counts seconds."""
    made = journal(tmp_path)
    write(made, "one")
    path = made.folder / "one" / "a.txt"
    before = {row["path"]: row["sha256"] for row in made.describe_all()}
    times = path.stat()
    fresh = path.with_name("fresh")
    fresh.write_text("tExt")
    fresh.replace(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = {row["path"]: row["sha256"] for row in made.describe_all()}
    assert before["one/a.txt"] != after["one/a.txt"]


def test_what_nfs_keeps_of_an_open_file_stops_no_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = journal(tmp_path)
    write(made, "one")
    for name in (".nfs1", "two/.nfs2"):
        (made.folder / name).parent.mkdir(exist_ok=True)
        (made.folder / name).touch()
    unlink = Path.unlink

    def refuse(self: Path, missing_ok: bool = False) -> None:
        if self.name.startswith(".nfs"):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self))
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    again = journal(tmp_path)
    assert again.kept == 1
    assert write(again, "two") == write(journal(tmp_path), "one")
    assert {row["path"] for row in again.describe_all()} == {"one/a.txt", "other/one.txt", "two/a.txt", "other/two.txt"}


def test_what_cannot_be_removed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = journal(tmp_path)
    write(made, "one")
    (made.folder / "stray").touch()

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(PermissionError):
        journal(tmp_path)
