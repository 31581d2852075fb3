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
