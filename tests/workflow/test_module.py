"""Another workflow imports this one from an address: what it can move, change, replace and add."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from tests.workflow.conftest import ROOT, environment, planned
from tests.workflow.dry_runs import Request, dry_runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PAGE = (ROOT / "docs" / "as-a-module.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```python\n(.*?)```", PAGE, flags=re.DOTALL))
PUBLISHED = "https://example.org/multiscope"
"""The address in the documentation."""
FIELDS = {"reader": "fields", "images": "prep/images", "channels": ["dna"]}
SCREEN = {"reader": "virtual_screen"}
CELLS: dict[str, Any] = {"segment": {"data": "mine"}, "crop": {"data": "mine", "size": 32}, "report": None}
CHAIN: dict[str, Any] = {"crop": {"data": "screen"}, "localize": {"data": "screen"}, "embed": {}, "evaluate": {}}
OTHER = FIELDS | {"images": "other/images"}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "whole": ("whole", {"data": {"screen": SCREEN}, **CHAIN}),
    "two": ("two", {}),
    "data": ("data", {"data": {"mine": SCREEN}, "crop": {"data": "mine"}, "report": None}),
    "not there": ("images", {"data": {"mine": FIELDS}, **CELLS}),
    "made by no rule": ("images", {"data": {"mine": OTHER}, **CELLS, "made_by_rules": ["other"]}),
}
"""Examples of the documentation, and the configuration that each is planned with."""
Planned = subprocess.CompletedProcess[str]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address at which the repository is published, on this machine alone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(ROOT))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def importing(folder: Path, example: str, address: str, **config: Any) -> Path:
    """A folder with the documentation's example as its Snakefile, and a configuration."""
    folder.mkdir(exist_ok=True)
    (folder / "Snakefile").write_text(EXAMPLES[example].replace(PUBLISHED, address))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def environment_of(folder: Path) -> dict[str, str]:
    """With a cache of its own, for Snakemake keeps what it fetched."""
    return {**environment(), "XDG_CACHE_HOME": str(folder / "cache")}


def arguments(folder: Path) -> list[str]:
    return ["--snakefile", str(folder / "Snakefile"), "--directory", str(folder), "--cores", "2", "--printshellcmds"]


@pytest.fixture(scope="module")
def plans(address: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Planned]:
    """What Snakemake plans for each case, by its name."""
    tmp = tmp_path_factory.mktemp("module")
    folders = [importing(tmp / name, example, address, **config) for name, (example, config) in CASES.items()]
    said = dry_runs([Request(arguments(folder)) for folder in folders], env=environment_of(tmp))
    return dict(zip(CASES, said, strict=True))


def job(run: Planned, rule: str) -> str:
    """What is said of the (first) job of a rule, its command included."""
    return re.search(rf"^rule {rule}:\n(.*?)(?=^\[|\Z)", run.stdout, flags=re.MULTILINE | re.DOTALL)[1]  # type: ignore[index]


def test_results_logs_and_benchmarks_are_moved_and_a_rule_has_other_resources(plans: dict[str, Planned]) -> None:
    run = plans["whole"]
    assert planned(run) == {
        **{"ms_data": 1, "ms_crop": 1, "ms_split": 1, "ms_localize": 2, "ms_embed": 2, "ms_evaluate": 1},
        "best_encoder": 1,
    }
    made = set(re.findall(r"^    (?:output|log|benchmark): (\S+?),?$", run.stdout, flags=re.MULTILINE))
    assert {path.split("/")[0] for path in made} == {"analysis", "best.csv"}
    assert {path.split("/")[1] for path in made if "/" in path} == {"multiscope", "logs", "benchmarks"}
    assert "mem_mb=64000" in job(run, "ms_localize") and "runtime=600" in job(run, "ms_localize")
    assert "mem_mb=64000" not in job(run, "ms_embed")
    assert "input: analysis/multiscope/evaluate" in job(run, "best_encoder")


def test_two_imports_stand_side_by_side_and_one_uses_the_other(plans: dict[str, Planned]) -> None:
    run = plans["two"]
    jobs = planned(run)
    assert {rule.split("_")[0] for rule in jobs} == {"first", "second", "both"}
    assert jobs["first_localize"] == jobs["second_localize"] == 1
    trained = job(run, "second_localize")
    assert "first/results/localize/net/seed0" in trained and "second/results/split/fold0" in trained
    assert "--benchmarks second/run_benchmarks" in job(run, "second_report")
    assert "--benchmarks first/run_benchmarks" in job(run, "first_report")


def test_their_rule_takes_the_place_of_data(plans: dict[str, Planned]) -> None:
    assert planned(plans["data"]) == {"our_data": 1, "crop": 1, "everything": 1}
    assert "input: results/data/mine" in job(plans["data"], "crop")


def test_images_that_no_rule_makes_are_missed_before_any_job(plans: dict[str, Planned]) -> None:
    assert plans["not there"].returncode == 2
    assert "multiscope: config: data.mine.images: prep/images does not exist" in plans["not there"].stdout
    assert plans["made by no rule"].returncode == 1
    assert re.search(r"Missing input files for rule data:.*other/images", plans["made by no rule"].stdout, re.DOTALL)


def test_their_images_are_segmented_and_cut_and_their_rule_reads_the_cells(address: str, tmp_path: Path) -> None:
    """A real run: their rule -> data -> segment -> crop -> their rule; in folders with a space in their names."""
    config = {"data": {"mine": FIELDS}, **CELLS, "made_by_rules": ["prep"]}
    folder = importing(tmp_path / "run", "images", address, **config)
    moved = "".join(f'        {name}="our {name}",\n' for name in ("results", "logs", "benchmarks"))
    snakefile = folder / "Snakefile"
    text = snakefile.read_text().replace("        config\n", f"        config\n    pathvars:\n{moved}")
    snakefile.write_text(text.replace('"results/crop', '"our results/crop'))
    (folder / "raw").mkdir()
    yy, xx = np.mgrid[:128, :128]
    for field in range(4):
        rng = np.random.default_rng(field)
        centres = [np.add((y, x), rng.uniform(-8, 8, 2)) for y in (32, 96) for x in (32, 96)]
        spots = sum(np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 60) for y, x in centres)
        image = rng.normal(100, 2, yy.shape) + 900 * spots
        tifffile.imwrite(folder / "raw" / f"{field}.tif", image.astype(np.uint16))
    run = subprocess.run(
        ["snakemake", *arguments(folder)], cwd=folder, env=environment_of(folder),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads((folder / "cells.json").read_text()) == {"cells": 16}
    assert (folder / "our results" / "crop" / "clean" / "manifest.json").is_file()
    assert sorted(path.name for path in (folder / "our logs").iterdir()) == ["crop", "data", "segment"]
