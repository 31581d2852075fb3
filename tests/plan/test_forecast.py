from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.plan.earlier import Earlier
from multiscope.plan.forecast import forecast as forecast_of
from multiscope.plan.jobs import Job
from multiscope.plan.schedule import wall_seconds
from multiscope.plan.text import as_text, duration
from tests.plan.jobs import forecast, job, run

HEAD = "s\th:m:s\tmax_rss\n"


def test_the_longest_chain_goes_through_the_slowest_jobs() -> None:
    found = forecast(
        {job("data"): 5, job("crop", "data"): 1, job("restore", "data"): 9, job("report", "crop", "restore"): 2}
    )
    assert [estimate.job.rule for estimate in found.longest_chain] == ["data", "restore", "report"]


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"cores": 4, "gpus": None}, 10),
        ({"cores": 2, "gpus": None}, 20),
        ({"cores": 4, "gpus": 1}, 40),
        ({"cores": None, "jobs_at_once": 3, "gpus": None}, 20),
        ({"cores": 4, "gpus": None, "executor": "slurm", "jobs_at_once": 1}, 40),
    ],
)
def test_jobs_wait_for_cores_gpus_and_places(limits: dict[str, object], seconds: float) -> None:
    assert wall_seconds(forecast({job(f"train{k}", gpus=1): 10.0 for k in range(4)}, **limits)) == seconds


@given(st.data())
def test_a_run_takes_no_less_than_its_longest_chain_and_no_more_than_one_job_after_another(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 8))
    jobs: dict[Job, float] = {}
    for k in range(n):
        above = data.draw(st.sets(st.integers(0, k - 1))) if k else set()
        jobs[job(f"r{k}", *(f"r{a}" for a in sorted(above)))] = data.draw(st.integers(1, 50))
    found = forecast(jobs, cores=data.draw(st.integers(1, 4)))
    chain = sum(estimate.seconds for estimate in found.longest_chain)
    assert chain <= wall_seconds(found) <= sum(jobs.values())
    for first, second in itertools.pairwise(found.longest_chain):
        assert first.job in found.above[second.job]


def test_a_job_larger_than_all_there_is_runs_alone() -> None:
    assert wall_seconds(forecast({job("a", threads=8): 3, job("b"): 4}, cores=2)) == 7


def written(folder: Path, name: str, *rows: str) -> None:
    path = folder / "run_benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))


@pytest.mark.parametrize("rule", ["train", "ms_train"])
@pytest.mark.parametrize("others", [[], ["elsewhere/of/others/data/one.tsv"]])
def test_a_job_alone_knows_those_of_its_rule_wherever_the_files_lie(
    tmp_path: Path, rule: str, others: list[str]
) -> None:
    for name, row in {"train/deep/er/train1.tsv": "10.0\t0:00:10\t-", "train_more/a.tsv": "90.0\t0:01:30\t-"}.items():
        written(tmp_path, f"here/{name}", row)
    new = job("train2", rule=rule, benchmark="run_benchmarks/here/train/train2.tsv")
    planned = run(new, *(job("data", benchmark=other) for other in others), folder=tmp_path)
    assert forecast_of(planned, Earlier(planned, tmp_path)).estimates[0].seconds == 10


def test_times_are_those_of_the_same_job_else_of_its_rule_else_what_the_rule_asks_for(tmp_path: Path) -> None:
    written(tmp_path, "train/train1.tsv", "10.0\t0:00:10\t500.0")
    written(tmp_path, "train/train2.tsv", "30.0\t0:00:30\t700.0", "40.0\t0:00:40\t-")
    written(tmp_path, "data/broken.tsv", "not a number\t-\t-")
    planned = run(job("train1"), job("train3"), job("data"), folder=tmp_path)
    same, other, unknown = forecast_of(planned, Earlier(planned, tmp_path)).estimates
    assert (same.seconds, same.memory_mb, same.measured) == (10.0, 500.0, True)
    assert (other.seconds, other.memory_mb, other.measured) == (22.5, 600.0, True)
    assert (unknown.seconds, unknown.memory_mb, unknown.measured) == (600.0, 1000, False)


def test_disk_is_that_of_the_former_folder_else_of_others_of_the_rule(tmp_path: Path) -> None:
    (tmp_path / "train1").mkdir()
    (tmp_path / "train1" / "weights").write_bytes(b"x" * 100_000)
    planned = run(job("train1"), job("train2"), job("data"), folder=tmp_path)
    own, other, unknown = (Earlier(planned, tmp_path).disk_bytes(one) for one in planned.jobs)
    assert own == other and own is not None and 100_000 <= own < 200_000
    assert unknown is None


def test_disk_of_a_further_seed_is_that_of_those_that_are_there(tmp_path: Path) -> None:
    for seed, size in {"seed0": 10_000, "seed1": 50_000, "seed12": 90_000, "seed2_old": 10**6, "other1": 10**6}.items():
        (tmp_path / "train" / seed).mkdir(parents=True)
        (tmp_path / "train" / seed / "weights").write_bytes(b"x" * size)
    (tmp_path / "train1").write_bytes(b"x" * 10**6)
    planned = run(job("train/seed3", rule="train"), job("train/last", rule="fit"), folder=tmp_path)
    further, unnumbered = (Earlier(planned, tmp_path).disk_bytes(one) for one in planned.jobs)
    assert further is not None and 50_000 <= further < 80_000
    assert unnumbered is None


def test_folders_of_seeds_are_read_once_for_all_that_are_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        (tmp_path / "train" / f"seed{seed}").mkdir(parents=True)
    read: list[str] = []
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda path: read.append(str(path)) or walk(path))
    planned = run(*(job(f"train/seed{seed}", rule="train") for seed in range(5, 50)), folder=tmp_path)
    forecast_of(planned, Earlier(planned, tmp_path))
    assert len(read) == 5


def test_the_text_says_what_is_measured_and_what_a_bound() -> None:
    known = forecast({job("data"): 30, job("train1", "data", gpus=1): 60, job("train2", "data", gpus=1): 7200})
    text = as_text(known)
    assert "60 s to 2 h 00 min" in text and "at most" not in text
    assert "3 jobs: about 2.0 hours of processors, 2.0 hours of GPUs" in text
    assert "about 2 h 02 min with 2 cores and 1 GPUs at once" in text
    planned = run(job("data"))
    unknown = as_text(forecast_of(planned, Earlier(planned, Path("/nowhere"))))
    assert "at most 10 min" in unknown and "no earlier run of data" in unknown
    assert as_text(forecast({})).startswith("nothing to be done")


def test_jobs_that_ask_for_no_time_are_out_of_the_sums_and_named() -> None:
    theirs, ours = job("theirs", minutes=None), job("ours", "theirs", minutes=6)
    planned = run(theirs, ours, cores=None, gpus=None)
    said = as_text(forecast_of(planned, Earlier(planned, Path("nowhere")))).splitlines()
    assert said[1].split()[:5] == ["theirs", "1", "1", "-", "?"]
    assert "at most 6 min with as many jobs as can run at once, if no job waits in a queue" in said
    assert said[-1] == "the time of theirs is not known, and in none of these sums"


def test_jobs_whose_settings_changed_are_named() -> None:
    assert "train: measured with other settings" in as_text(forecast({job("train", reason="Params have changed"): 1}))


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (6000, "1 h 40 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
