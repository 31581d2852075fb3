"""Stage folders: all or nothing, and checked when opened."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from multiscope.errors import InputError, Interrupted
from multiscope.folders import manifest


def make(out: Path, *, inputs: dict[str, Path] | None = None, text: str = "hello") -> None:
    with manifest.stage_output(out, stage="data", version=3, config={"a": 1}, inputs=inputs or {}, seed=7) as made:
        (made.path / "sub").mkdir()
        (made.path / "sub" / "a.txt").write_text(text)
        (made.path / "b.txt").write_text("world")
        made.count("cells", 5, {"edge": 2})
        made.note("channels", ["gfp"])


def refused(folder: Path, match: str, *, full: bool = False) -> None:
    with pytest.raises(InputError, match=match) as caught:
        manifest.verify(folder, full=full)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_says_what_was_made_from_what(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("input")
    make(tmp_path / "first", inputs={"file": tmp_path / "in.txt"})
    make(tmp_path / "out", inputs={"first": tmp_path / "first", "file": tmp_path / "in.txt"})
    described = manifest.verify(tmp_path / "out", full=True)
    assert (described["stage"], described["stage_version"], described["seed"]) == ("data", 3, 7)
    assert described["config"] == {"a": 1}
    assert described["counts"] == {"cells": {"kept": 5, "dropped": {"edge": 2}}}
    assert described["notes"] == {"channels": ["gfp"]}
    assert [row["path"] for row in described["files"]] == ["b.txt", "sub/a.txt"]
    assert described["inputs"]["first"] == manifest.verify(tmp_path / "first")["digest"]
    assert described["packages"]["numpy"] != "not installed"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_another_stage_made_is_not_replaced(tmp_path: Path) -> None:
    make(tmp_path / "out")
    with (
        pytest.raises(InputError, match=r"out: was made by 'data', not by 'restore_apply'; choose another place"),
        manifest.stage_output(tmp_path / "out", stage="restore_apply", version=1, config={}, inputs={}),
    ):
        raise AssertionError("it must not begin")
    assert manifest.read_manifest(tmp_path / "out")["stage"] == "data"


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    make(tmp_path / "c", text="other")
    one, two, three = (manifest.digest_of(tmp_path / name) for name in "abc")
    assert one == two != three


def test_a_new_result_replaces_the_former_one_whole(tmp_path: Path) -> None:
    make(tmp_path / "out")
    (tmp_path / "out" / "stray.txt").write_text("left over")
    make(tmp_path / "out", text="new")
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "new"
    assert not (tmp_path / "out" / "stray.txt").exists()
    manifest.verify(tmp_path / "out", full=True)


@pytest.mark.parametrize("error", [ValueError("x"), InputError("x"), KeyboardInterrupt()])
def test_an_error_leaves_nothing_and_a_former_result_untouched(tmp_path: Path, error: BaseException) -> None:
    make(tmp_path / "out")
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    for out in (tmp_path / "out", tmp_path / "new"):
        with (
            pytest.raises(type(error)),
            manifest.stage_output(out, stage="data", version=1, config={}, inputs={}) as made,
        ):
            (made.path / "half.txt").write_text("half")
            raise error
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before


def test_a_kill_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from multiscope.folders import manifest\n"
        "with manifest.stage_output(Path(sys.argv[1]), stage='data', version=1, config={}, inputs={}) as made:\n"
        "    (made.path / 'half.txt').write_text('half'); print('ready', flush=True); time.sleep(60)\n"
    )
    make(tmp_path / "out")
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    for name in ("out", "new"):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / name)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    refused(tmp_path / "new", "does not exist; run the stage")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        ValueError("RESOURCE_EXHAUSTED: Error writing local file: No space left on device [os_error_code='28']"),
    ],
)
def test_a_full_disk_is_one_line_whatever_library_says_it(tmp_path: Path, error: Exception) -> None:
    with (
        pytest.raises(InputError, match=r"the disk is full \(.*\); free space") as caught,
        manifest.stage_output(tmp_path / "out", stage="data", version=1, config={}, inputs={}),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_other_system_errors_are_left_as_they_are(tmp_path: Path) -> None:
    with (
        pytest.raises(PermissionError),
        manifest.stage_output(tmp_path / "out", stage="data", version=1, config={}, inputs={}),
    ):
        raise PermissionError(errno.EACCES, "no")


def test_damage_is_told_with_the_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out)
    (out / "b.txt").write_text("World")
    manifest.verify(out)
    refused(out, "damaged: b.txt has another sha256", full=True)
    (out / "b.txt").write_text("longer")
    refused(out, "damaged: b.txt has 6 bytes, expected 5; delete the folder and run the stage again")
    (out / "b.txt").unlink()
    refused(out, "damaged: b.txt is missing")
    make(out)
    (out / "sub" / "extra.txt").write_text("x")
    refused(out, "damaged: sub/extra.txt is not in the manifest")


def test_hidden_files_that_others_leave_at_the_top_are_none_of_ours(tmp_path: Path) -> None:
    make(tmp_path / "out")
    (tmp_path / "out" / ".snakemake_timestamp").touch()
    (tmp_path / "out" / ".nfs0001").write_text("x")
    manifest.verify(tmp_path / "out", full=True)


FOREIGN: list[Any] = ["no json", "[]", "null", "{}", '{"files": [], "digest": ""}', b"\xff\xfe"]


@pytest.mark.parametrize("content", FOREIGN)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str | bytes) -> None:
    make(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(tmp_path / "out", "is not a multiscope manifest; run the stage")


@pytest.mark.parametrize(
    "files", [5, [1], [{"path": "b.txt"}], [{"path": ["b"], "bytes": 1, "sha256": ""}], {"a": 1}, None]
)
def test_a_tampered_list_of_files_is_refused(tmp_path: Path, files: Any) -> None:
    make(tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "files": files}))
    refused(tmp_path / "out", "is not a multiscope manifest|damaged")


def test_a_folder_without_manifest_is_no_finished_stage(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    refused(tmp_path / "half", "has no manifest.json: it is not a finished stage")


def test_digests_of_foreign_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "f" / "sub").mkdir(parents=True)
    (tmp_path / "f" / "sub" / "a").write_text("1")
    before = manifest.digest_of(tmp_path / "f")
    (tmp_path / "f" / "sub" / "a").rename(tmp_path / "f" / "sub" / "b")
    assert (renamed := manifest.digest_of(tmp_path / "f")) != before
    (tmp_path / "f" / ".zattrs").write_text("{}")  # Zarr's metadata may say how large a pixel is
    assert (described := manifest.digest_of(tmp_path / "f")) != renamed
    (tmp_path / "f" / ".snakemake_timestamp").touch()
    assert manifest.digest_of(tmp_path / "f") == described
    with pytest.raises(InputError, match="none: does not exist; name an existing file or folder"):
        manifest.digest_of(tmp_path / "none")


def test_fingerprints_tell_runs_apart() -> None:
    assert manifest.fingerprint(a=1, b=[2]) == manifest.fingerprint(b=[2], a=1)
    assert manifest.fingerprint(a=1) != manifest.fingerprint(a=2)
    assert os.sep not in manifest.fingerprint(a=1)


def in_units(out: Path, *, stop: BaseException | None = None, config: dict[str, Any] | None = None) -> list[str]:
    """A stage of three units, stopped in the third; the names of those that were made."""
    done = []
    with manifest.stage_output(out, stage="data", version=1, config=config or {}, inputs={}, seed=1) as made:
        for name in ("a", "b", "c"):
            with made.unit(name) as unit:
                if not unit.finished:
                    done.append(name)
                    unit.path(f"{name}.txt").write_text(name)
                    if name == "c" and stop is not None:
                        raise stop
                    unit.facts = {"n": len(done)}
            made.note(name, unit.facts["n"])
    return done


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1), Interrupted("x"), MemoryError(), FULL])
def test_a_stopped_job_goes_on_with_what_it_finished(tmp_path: Path, stop: BaseException) -> None:
    out = tmp_path / "out"
    with pytest.raises((type(stop), InputError)):
        in_units(out, stop=stop)
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".out.partial"]
    assert in_units(out) == ["c"]
    described = manifest.verify(out, full=True)
    assert (described["kept_parts"], described["notes"]) == (2, {"a": 1, "b": 2, "c": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "b.txt", "c.txt", "manifest.json"]


@pytest.mark.parametrize("error", [InputError("x"), ValueError("x")])
def test_an_error_keeps_no_unit(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)):
        in_units(tmp_path / "out", stop=error)
    assert not list(tmp_path.iterdir())


def test_with_another_config_a_stopped_job_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        in_units(tmp_path / "out", stop=KeyboardInterrupt())
    assert in_units(tmp_path / "out", config={"a": 2}) == ["a", "b", "c"]


def test_a_full_disk_says_that_what_is_finished_is_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"what is finished is kept in .*\.out\.partial; free space"):
        in_units(tmp_path / "out", stop=OSError(errno.ENOSPC, "No space left on device"))


def test_a_former_result_comes_back_if_the_job_was_killed_while_it_was_replaced(tmp_path: Path) -> None:
    make(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / ".out.former")
    with pytest.raises(ValueError, match="x"):
        in_units(tmp_path / "out", stop=ValueError("x"))
    manifest.verify(tmp_path / "out", full=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_of_two_jobs_that_make_the_same_the_second_ends_and_the_first_is_not_harmed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with manifest.stage_output(out, stage="data", version=1, config={}, inputs={}) as made:
        (made.path / "a.txt").write_text("first")
        with pytest.raises(InputError, match=rf"out: another job is making it \(process {os.getpid()} on .*; wait"):
            make(out)
    assert (out / "a.txt").read_text() == "first"
    manifest.verify(out, full=True)


def test_a_former_result_that_was_killed_while_it_was_removed_does_not_come_back(tmp_path: Path) -> None:
    make(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / ".out.former")
    (tmp_path / ".out.former" / "b.txt").unlink()
    with pytest.raises(ValueError, match="x"):
        in_units(tmp_path / "out", stop=ValueError("x"))
    assert not list(tmp_path.iterdir())


def test_a_former_result_comes_back_if_the_new_one_cannot_be_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "out")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == ".out.partial":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="busy"):
        make(tmp_path / "out", text="new")
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "hello"
    manifest.verify(tmp_path / "out", full=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("stop", [FULL, KeyboardInterrupt(), Interrupted("x")])
def test_what_is_finished_outlives_a_second_stop_before_anything_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    """The disk is still full when the job is run again, or it is stopped while it looks what is finished."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        in_units(out, stop=KeyboardInterrupt())

    def strike(*_: Any) -> None:
        raise stop

    with monkeypatch.context() as patched:
        patched.setattr("multiscope.folders.journal.Journal._tidy", strike)
        with pytest.raises((type(stop), InputError)):
            in_units(out)
    assert in_units(out) == ["c"]


def test_a_link_to_another_disk_stays_one_and_the_result_is_there(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "other" / "out")
    for text in ("first", "second"):
        make(tmp_path / "out", text=text)
        assert (tmp_path / "out").is_symlink()
        assert (tmp_path / "other" / "out" / "sub" / "a.txt").read_text() == text
        assert [path.name for path in (tmp_path / "other").iterdir()] == ["out"]


def test_where_a_disk_is_mounted_no_result_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda self: self == tmp_path / "out")
    with pytest.raises(InputError, match=r"out: is where a disk is mounted.*; name a folder below it"):
        make(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_everything_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[tuple[int, int]] = set()
    fsync, rename = os.fsync, Path.rename
    unsynced: list[Path] = []

    def remember(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.add((found.st_dev, found.st_ino))
        fsync(descriptor)

    def look(self: Path, target: Path) -> Path:
        if target.name == "out":
            for path in (self, *self.rglob("*")):
                found = path.stat()
                if (found.st_dev, found.st_ino) not in synced:
                    unsynced.append(path)
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", remember)
    monkeypatch.setattr(Path, "rename", look)
    make(tmp_path / "out")
    in_units(tmp_path / "units")
    assert not unsynced
    parent = tmp_path.stat()
    assert (parent.st_dev, parent.st_ino) in synced


def test_files_and_folders_have_the_permissions_of_the_umask_and_the_group_of_their_place(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    before = os.umask(0o002)
    try:
        make(tmp_path / "out")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o7777 for path in tmp_path.rglob("*")}
    assert modes == {0o664, 0o2775}


def test_a_log_that_cannot_be_written_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        make(tmp_path / "out")
        monkeypatch.undo()
        full.buffer.raw.close()  # type: ignore[attr-defined] - what is still to be written cannot be
    manifest.verify(tmp_path / "out", full=True)
