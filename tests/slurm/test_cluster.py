"""The test cluster leaves a machine that has another Slurm, or no root, alone, and says so in one line."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.slurm import cluster


def test_another_slurm_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "slurm.conf"
    theirs.write_text("ClusterName=theirs\n")
    monkeypatch.setattr(cluster, "CONF", theirs)
    monkeypatch.setattr(cluster.os, "geteuid", lambda: 0)
    with pytest.raises(cluster.NoClusterError, match=r"slurm\.conf is another Slurm's and is left alone"):
        cluster.start()
    cluster.stop()
    assert theirs.read_text() == "ClusterName=theirs\n"
    assert not cluster.running()


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.os, "geteuid", lambda: 1000)
    assert str(cluster.refusal()).startswith("the test cluster needs root")


def test_where_it_is_only_tried_a_machine_without_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(cluster, "only_one", nullcontext)
    assert cluster.main(["try", "false"]) == 0
    assert capsys.readouterr().out.startswith("nothing was run on a cluster: the test cluster needs root")
    with pytest.raises(cluster.NoClusterError, match="needs root"):
        cluster.main(["run", "false"])


def test_without_slurm_and_apt_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONF", tmp_path / "slurm.conf")
    monkeypatch.setattr(cluster.os, "geteuid", lambda: 0)
    monkeypatch.setattr(cluster.shutil, "which", lambda program: None)
    assert str(cluster.refusal()).startswith("slurmctld, slurmd, slurm-client, munge missing and no apt-get")


def test_no_process_is_taken_for_a_daemon_because_it_has_its_number() -> None:
    assert not cluster._alive(1, "1-slurmctld")
