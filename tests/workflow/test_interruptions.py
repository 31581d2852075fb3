"""Every stage, hit while it works: what is left is whole or nothing, and a second run ends as one that was not hit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiscope.folders.manifest import verify
from tests.disks import enlarge, small_disk
from tests.forks import Forks, Hit
from tests.workflow.commands import STAGES, Commands, content, write_config

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SIGNALS = ("SIGTERM", "SIGINT", "SIGKILL")
CODES = {"SIGTERM": 1, "SIGINT": 1, "SIGKILL": -9}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The commands of all stages, and a process that runs them."""
    folder = tmp_path_factory.mktemp("interrupted")
    with Forks(folder) as forks:
        yield Commands(forks, folder / "inputs", write_config(folder / "config.yaml"))


@pytest.mark.parametrize(
    ("stage", "name"), [(stage, SIGNALS[k % len(SIGNALS)]) for k, stage in enumerate(STAGES)], ids=lambda each: each
)
def test_a_stage_that_is_hit_ends_the_second_time_as_if_it_had_not_been(
    commands: Commands, tmp_path: Path, stage: str, name: str
) -> None:
    whole, out = commands.whole(stage), tmp_path / stage
    # its first files are written, or its folder is complete and about to be renamed
    at = rf"open .*/\.{stage}\.partial/" if name != "SIGINT" else rf"rename .*/\.{stage}\.partial "
    hit = commands.forks.run(commands(stage, out), Hit(at=at, nth=3 if name != "SIGINT" else 1, signal=name))
    assert hit.code == CODES[name], hit.said
    if name != "SIGKILL":
        assert len(hit.lines) == 1 and f"stopped by {name}" in hit.lines[0] and "run again" in hit.lines[0]
    assert not out.exists()
    again = commands.forks.run(commands(stage, out))
    assert again.code == 0, again.said
    assert content(out) == content(whole)
    verify(out, full=True)
    assert [path.name for path in tmp_path.iterdir()] == [stage]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_training_goes_on_from_the_state_that_it_saved(commands: Commands, tmp_path: Path, name: str) -> None:
    whole, out = commands.whole("localize"), tmp_path / "localize"
    # its last epoch is over, but not saved
    hit = commands.forks.run(commands("localize", out), Hit(at=r"rename .*\.state/state\.pt", nth=2, signal=name))
    assert hit.code == CODES[name] and not out.exists(), hit.said
    again = commands.forks.run(commands("localize", out))
    assert again.code == 0 and "localize: deeploc: resumed at step" in again.said, again.said
    assert content(out) == content(whole)


@pytest.mark.parametrize("stage", ["data", "restore", "localize"])
def test_a_full_disk_is_one_line_and_costs_nothing_that_is_finished(
    commands: Commands, tmp_path: Path, stage: str
) -> None:
    whole = commands.whole(stage)
    with small_disk(tmp_path / "disk", size="1m") as disk:
        _fill(commands, disk, stage, whole)


def _fill(commands: Commands, disk: Path, stage: str, whole: Path) -> None:
    out = disk / stage
    size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
    filling = disk / "filling"
    filling.write_bytes(bytes(max(0, 2**20 - size // 2)))
    full = commands.forks.run(commands(stage, out))
    assert full.code == 2, full.said
    assert len(full.lines) == 1 and "No space left on device" in full.lines[0], full.said
    assert str(disk) in full.lines[0] and not out.exists()
    filling.unlink()
    enlarge(disk, size="64m")
    again = commands.forks.run(commands(stage, out))
    assert again.code == 0, again.said
    assert content(out) == content(whole)


def test_an_input_that_vanishes_is_one_line(commands: Commands, tmp_path: Path) -> None:
    commands.need("crop")
    inputs = tmp_path / "inputs"
    subprocess.run(["cp", "-r", str(commands.inputs), str(inputs)], check=True)
    moved = Commands(commands.forks, inputs, commands.config)
    gone = Hit(at=r"open .*/\.crop\.partial/", remove=str(inputs / "data"))
    ended = commands.forks.run(moved("crop", tmp_path / "crop"), gone)
    assert ended.code == 2 and len(ended.lines) == 1, ended.said
    assert str(inputs / "data") in ended.lines[0] and not (tmp_path / "crop").exists()


def test_nothing_is_written_beside_inputs_that_may_only_be_read(commands: Commands, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run a command as another user")
    commands.need("localize")
    inputs, out = tmp_path / "inputs", tmp_path / "theirs"
    subprocess.run(["cp", "-r", str(commands.inputs), str(inputs)], check=True)
    subprocess.run(["chmod", "-R", "a-w,a+rX", str(inputs)], check=True)
    out.mkdir()
    os.chown(out, 65534, 65534)
    for parent in (tmp_path, *tmp_path.parents):
        parent.chmod(parent.stat().st_mode | 0o011)
    readable = Commands(commands.forks, inputs, commands.config)
    commands.config.parent.chmod(0o755)
    before = sorted(inputs.rglob("*"))
    ended = commands.forks.run(readable("localize", out / "localize"), user=65534, TMPDIR=str(out))
    assert ended.code == 0, ended.said
    assert sorted(inputs.rglob("*")) == before
    modes = {path.stat().st_mode & 0o777 for path in (out / "localize").rglob("*") if path.is_file()}
    umask = os.umask(0)
    os.umask(umask)
    assert modes == {0o666 & ~umask}
