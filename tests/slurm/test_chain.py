"""The tiny chain through a real Slurm, with the profile that users have."""

from __future__ import annotations

import pytest

from multiscope.folders.manifest import verify
from tests.slurm.head import Head
from tests.workflow.conftest import TINY

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1500)]


def test_the_chain_ends_in_the_report_with_its_sweep(head: Head) -> None:
    assert head.run(config=TINY) == 0, head.said
    results = head.folder / "results"
    assert (results / "report" / "index.html").is_file()
    assert len(list((results / "sweep").rglob("manifest.json"))) == 2
    for manifest in results.rglob("manifest.json"):
        verify(manifest.parent)
    _networks_had_a_gpu(head)
    assert not list((head.folder / "logs" / "slurm").rglob("*.log")), "Slurm's logs of jobs that went well"


def _networks_had_a_gpu(head: Head) -> None:
    """They asked for one, and their processes saw it."""
    gpus = head.gpus()
    with_gpu = {"restore_wildcards_cgan_0", "localize_wildcards_deeploc_0", "embed_wildcards_deeploc_0"}
    without = {"data_wildcards_tiny", "localize_wildcards_classic_0", "evaluate"}
    assert {job: gpus[job] for job in with_gpu | without} == dict.fromkeys(with_gpu, 1) | dict.fromkeys(without, 0)
    logs = head.folder / "logs" / "localize"
    given = "given a GPU (CUDA_VISIBLE_DEVICES="
    assert given in (logs / "deeploc" / "seed0.log").read_text(encoding="utf-8")
    assert given not in (logs / "classic" / "seed0.log").read_text(encoding="utf-8")
