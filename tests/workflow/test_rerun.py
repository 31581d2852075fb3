"""docs/rerun.md is true: each row of its tables is tried on a finished run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from multiscope import config as settings
from tests.workflow.conftest import ROOT, TINY, environment, planned, snakemake, with_conda
from tests.workflow.dry_runs import Request, dry_runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PAGE = (ROOT / "docs" / "rerun.md").read_text(encoding="utf-8")
DIVIDED = {"augment": settings.Augment, "restore": settings.Restore, "sweep": settings.Sweep}
DIVIDED |= {"crop": settings.Crop, "localize": settings.Localize}
"""Sections whose keys concern several rules: each has a row of its own."""


def table(heading: str) -> dict[str, str]:
    """First and second column of the table with this heading."""
    rows = PAGE.split(f"| {heading} |")[1].split("|---|---|\n")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| (.+) \| (.+) \|$", rows, flags=re.MULTILINE))


CHANGES = [
    (assignment, jobs)
    for spans, jobs in table("change | runs again").items()
    for assignment in re.findall(r"`([^`]+)`", spans)
]
OTHERWISE = table("another change | runs again")
FINISHED = {re.sub("`", "", command): jobs for command, jobs in table("command, on a finished run | runs").items()}
EMPTY = {re.sub("`", "", command): jobs for command, jobs in table("command, in an empty folder | runs").items()}


def changed(assignment: str) -> dict[str, Any]:
    """The tiny configuration with `a.b.c: value`."""
    values: dict[str, Any] = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    ((path, value),) = yaml.safe_load(assignment).items()
    *above, last = path.split(".")
    here = values
    for key in above:
        here = here.setdefault(key, {})
    here[last] = value
    return values


def arguments(folder: Path, config: Path, *, source: Path = ROOT) -> list[str]:
    return ["--snakefile", str(source / "Snakefile"), "--directory", str(folder), "--configfile", str(config)]


def copied(chain: Path, folder: Path) -> Path:
    """What Snakemake looks at of a finished run: its folders and what it noted of them."""
    return shutil.copytree(chain, folder, ignore=shutil.ignore_patterns("*.zarr", "log"))


def written(values: Mapping[str, Any], path: Path) -> Path:
    path.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    return path


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    """The workflow with one text in it replaced."""
    for part in ("workflow", "envs", "profiles"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "Snakefile", folder)
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return folder


def read_from_files(chain: Path, folder: Path) -> tuple[Path, Path]:
    """A finished run whose images and standard are files, and its configuration; nothing is computed for it."""
    copied(chain, folder)
    (folder / "images").mkdir()
    (folder / "images" / "a.tif").touch()
    (folder / "standard.gmt").write_text("term\tof\tP1\tP2\n")
    values = changed("evaluate.standards: {mine: {path: standard.gmt, scale: process}}")
    values["data"] = {
        "tiny": {
            **{"reader": "fields", "images": "images", "labels": "images"},
            **{"localization": {"P1": "nucleus"}, "defects": {"noise": {"model": "noise"}}},
        }
    }
    config = written(values, folder / "files.yaml")
    run = snakemake(folder, "--touch", config=config)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder, config


def renew(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def later(path: Path) -> None:
    os.utime(path, (time.time() + 10,) * 2)


def write_anew(path: Path, text: str) -> None:
    path.write_text(text)
    later(path)


# what is done to a run before it is planned again, by the words of the table; `files` runs are read from files
DONE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a file added to the folder of images, or taken from it": ("files", lambda run: later(run / "images")),
    "a file in the folder of images written over": ("files", lambda run: later(run / "images" / "a.tif")),
    "a file of a standard that is written anew": (
        "files",
        lambda run: write_anew(run / "standard.gmt", "term\tof\tP1\tP3\n"),
    ),
    "a file of a standard whose date alone is new": ("files", lambda run: later(run / "standard.gmt")),
    "a result folder that is deleted, with those made from it still there: `results/embed/classic/seed0`": (
        "tiny",
        lambda run: shutil.rmtree(run / "results" / "embed" / "classic" / "seed0"),
    ),
    "a result folder that is deleted, and it is the last: `results/report`": (
        "tiny",
        lambda run: shutil.rmtree(run / "results" / "report"),
    ),
    "a result folder made anew by hand: `results/localize/classic/seed0`": (
        "tiny",
        lambda run: renew(run / "results" / "localize" / "classic" / "seed0"),
    ),
}


def requests(chain: Path, tmp: Path) -> Iterator[tuple[str, Request]]:
    """A dry run for each row, by its words."""
    yield "everything", Request([*arguments(chain, TINY), "--forceall"])
    for number, (assignment, _) in enumerate(CHANGES):
        yield assignment, Request(arguments(chain, written(changed(assignment), tmp / f"{number}.yaml")))
    yield "the code of `embed` with a new `STAGE_VERSION`", Request(arguments(chain, TINY), newer=["embed"])
    shell = edited(tmp / "shell", "workflow/rules/localize.smk", "multiscope localize", "nice multiscope localize")
    yield "the `shell:` text of the rule `localize`", Request(arguments(chain, TINY, source=shell))
    env = edited(tmp / "env", "envs/multiscope.yaml", "  - pip >=23,<30\n", "  - pip >=22,<30\n")
    yield "`envs/multiscope.yaml`, in a run without `--sdm conda`", Request(arguments(chain, TINY, source=env))
    conda = Request([*arguments(chain, TINY), "--sdm", "conda"])
    yield "`--sdm conda` for a run that was made without", conda
    given = "--set-resources localize:mem_mb=9000 --set-threads localize=4"
    yield f"memory, time and threads: `{given}`", Request([*arguments(chain, TINY), *given.split()])
    files, config = read_from_files(chain, tmp / "files")
    for number, (words, (start, do)) in enumerate(DONE.items()):
        run = copied(files if start == "files" else chain, tmp / f"run{number}")
        do(run)
        yield words, Request(arguments(run, config if start == "files" else TINY))
    for command in FINISHED:
        yield command, Request([*command.split()[1:], *arguments(chain, TINY)])
    for command in EMPTY:
        yield command, Request([*command.split()[1:], *arguments(tmp / "empty", TINY)])


@pytest.fixture(scope="module")
def plans(chain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """Jobs by rule that Snakemake plans for each row."""
    folder = tmp_path_factory.mktemp("rerun")
    asked = dict(requests(chain, folder))
    said = dry_runs(list(asked.values()), env=with_conda(folder))
    return {words: planned(run) for words, run in zip(asked, said, strict=True)}


def jobs_of(cell: str, plans: Mapping[str, dict[str, int]]) -> Mapping[str, int]:
    if cell == "everything":
        return plans["everything"]
    counted = [item.split() for item in cell.split(", ")] if cell != "nothing" else []
    return Counter({words[-1]: int(words[0]) if len(words) == 2 else 1 for words in counted})


ROWS = [*CHANGES, *OTHERWISE.items(), *FINISHED.items(), *EMPTY.items()]


@pytest.mark.parametrize(("words", "jobs"), ROWS, ids=[words for words, _ in ROWS])
def test_the_row_says_what_runs_again(words: str, jobs: str, plans: dict[str, dict[str, int]]) -> None:
    assert plans[words] == jobs_of(jobs, plans)


def test_nothing_is_done_to_a_finished_run_that_has_not_changed(chain: Path) -> None:
    assert planned(snakemake(chain, "-n")) == {}


def test_every_key_that_concerns_several_rules_has_a_row() -> None:
    shown = {tuple(assignment.split(":")[0].split(".")[:2]) for assignment, _ in CHANGES}
    assert {keys[0] for keys in shown} == settings.Config.model_fields.keys()
    for section, model in DIVIDED.items():
        keys = {key for name, *rest in shown for key in rest if name == section}
        # another data set is another configuration
        assert keys == model.model_fields.keys() - {"data"}, section


def test_a_stage_made_anew_by_hand_goes_into_every_number_below_it(chain: Path, tmp_path: Path) -> None:
    """No stale result: a network of another seed in place of the rule's."""
    run = shutil.copytree(chain, tmp_path / "run")
    results = run / "results"
    before = pd.read_parquet(results / "evaluate" / "scores.parquet")
    command = ["multiscope", "localize", "--crops", "results/crop/clean", "--split", "results/split/fold0"]
    command += ["--encoder", "autoencoder", "--config", str(TINY), "--seed", "7", "--threads", "1"]
    command += ["--out", "results/localize/autoencoder/seed0"]
    subprocess.run(command, cwd=run, env=environment(), check=True, capture_output=True)
    untouched = {path: path.stat().st_mtime_ns for path in results.rglob("manifest.json")}
    again = snakemake(run, "results/evaluate")
    assert again.returncode == 0, again.stdout + again.stderr
    made = {
        p.parent.relative_to(results) for p in results.rglob("manifest.json") if p.stat().st_mtime_ns != untouched[p]
    }
    assert made == {Path("embed/autoencoder/seed0"), Path("evaluate")}
    assert planned(snakemake(run, "-n")) == {"report": 1}
    after = pd.read_parquet(results / "evaluate" / "scores.parquet")
    keys = ["source", "encoder", "layer", "epoch", "standard", "scale", "metric"]
    both = before.merge(after, on=keys, suffixes=("_before", "_after"))
    same = both["value_before"].eq(both["value_after"]) | both["value_before"].isna()
    assert not same[both["encoder"] == "autoencoder"].all()
    assert same[both["encoder"].isin(["deeploc", "classic", "degraded"])].all()
