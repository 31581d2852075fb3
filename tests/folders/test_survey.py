"""`multiscope verify` of one stage folder and of many."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from multiscope import cli
from multiscope.folders.manifest import stage_output


def make(out: Path) -> None:
    with stage_output(out, stage="data", version=1, config={}, inputs={}) as made:
        (made.path / "a.zarr").mkdir()
        (made.path / "a.zarr" / "zarr.json").write_text('{"a": 1}')
        (made.path / "a.zarr" / "c.0").write_text("pixels")


def verify(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["multiscope", "verify", *map(str, args)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("data/one", "crop/clean", "restore/cgan/seed0", "restore/cgan/seed1"):
        make(tmp_path / "results" / name)
    (tmp_path / "results" / "restore" / "scores.csv").write_text("a\n1\n")
    (tmp_path / "results" / "restore" / "cgan" / "seed0.state").mkdir()
    (tmp_path / "results" / "restore" / "cgan" / "seed0.state" / "state.pt").write_text("x")
    return tmp_path / "results"


def test_all_are_whole(results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for options, how in (((), "names, sizes, zarr.json"), (("--full",), "every sha256")):
        code, out, err = verify(capsys, monkeypatch, results, *options)
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert len(lines) == 5
        assert lines[0] == f"{results}/crop/clean: whole: 2 files, 0.0 MB as the manifest says ({how})"
        assert lines[-1] == f"{results}: all 4 stage folders are whole"
    code, out, _ = verify(capsys, monkeypatch, results / "data" / "one")
    assert (code, len(out.splitlines())) == (0, 1)


def test_what_is_damaged_or_half_there_is_named(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (results / "data" / "one" / "a.zarr" / "c.0").write_text("pixel")
    (results / "crop" / "degraded" / "crops.zarr" / "image").mkdir(parents=True)
    (results / "crop" / "degraded" / "crops.zarr" / "image" / "c.0").touch()
    (results / "restore" / "cgan" / ".seed2.partial").mkdir()
    code, out, err = verify(capsys, monkeypatch, results)
    assert (code, err) == (2, f"multiscope: {results}: 3 of 6 stage folders are damaged or half there, see above\n")
    assert f"{results}/data/one: damaged: a.zarr/c.0 has 5 bytes, expected 6; delete the folder and run" in out
    assert f"{results}/crop/degraded: has no manifest.json: it is not a finished stage" in out
    assert f"{results}/restore/cgan/seed2: half made by a job that was stopped, or is running; run its stage" in out
    assert out.count("whole: ") == 3


def test_metadata_are_compared_always_pixels_when_asked(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = results / "data" / "one" / "a.zarr"
    (store / "c.0").write_text("pixelS")
    assert verify(capsys, monkeypatch, results)[0] == 0
    code, out, _ = verify(capsys, monkeypatch, results, "--full")
    assert (code, "a.zarr/c.0 has another sha256" in out) == (2, True)
    (store / "zarr.json").write_text('{"a": 2}')
    code, _, err = verify(capsys, monkeypatch, results / "data" / "one")
    assert (code, err.count("\n")) == (2, 1)
    assert "a.zarr/zarr.json has another sha256" in err


def test_what_holds_no_stage_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for path, match in (
        (tmp_path, "has no manifest"),
        (tmp_path / "none", "does not exist"),
        (Path("/etc"), "has no man"),
    ):
        code, out, err = verify(capsys, monkeypatch, path)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{path}: {match}" in err
