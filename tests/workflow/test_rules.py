"""What can be said of the rules without running them."""

from __future__ import annotations

import re
import resource
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT, TINY, environment, planned, snakemake

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


NOT_IN_THE_DEFAULT = {"restore_careamics", "segment", "sweep"}


def processor_seconds() -> float:
    """Of all processes that ended: other work on the machine does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_dry_run_of_the_default_lists_its_rules_in_under_5_seconds(tmp_path: Path) -> None:
    seconds = []
    for _ in range(3):
        started = processor_seconds()
        run = snakemake(tmp_path, "-n", config=ROOT / "config.yaml")
        seconds.append(processor_seconds() - started)
    rules = {name for path in RULES for name in re.findall(r"^rule (\w+):", path.read_text(), flags=re.MULTILINE)}
    assert planned(run).keys() == rules - NOT_IN_THE_DEFAULT
    assert min(seconds) < 5, seconds


def test_resources_alone_start_a_rule_as_several_processes(tmp_path: Path) -> None:
    """But for encoders that one process trains."""
    wanted = ["localize:mpi=srun", "localize:tasks=2", "embed:mpi=srun", "embed:nodes=3", "embed:tasks_per_node=4"]
    said = snakemake(tmp_path, "-n", "-p", "--set-resources", *wanted, config=TINY).stdout
    common = r"--cpus-per-task=\d+ --kill-on-bad-exit=1 --wait=0 "
    assert re.search(rf"exec srun --nodes=3 --ntasks-per-node=4 {common}multiscope embed ", said)
    assert "exec multiscope crop " in said
    starts = {name: start for start, name in re.findall(r"exec (.*)multiscope localize .*--encoder (\w+)", said)}
    assert starts.pop("classic") == "" and starts.keys() == {"deeploc", "autoencoder", "degraded"}
    assert all(re.fullmatch(rf"srun --ntasks=2 {common}", start) for start in starts.values())


def test_several_processes_without_a_number_are_refused(tmp_path: Path) -> None:
    run = snakemake(tmp_path, "-n", "-p", "--set-resources", "localize:mpi=srun", config=TINY)
    assert run.returncode == 1
    assert "resource mpi=srun without tasks or tasks_per_node: say how many processes" in run.stdout + run.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_can_be_planned(path: Path, tmp_path: Path) -> None:
    for name in ("dsb2018_nuclei/images", "yeast_gfp/images.zip"):
        (tmp_path / name).mkdir(parents=True)
    jobs = planned(snakemake(tmp_path, "-n", "--config", f"data_root={tmp_path}", config=path))
    assert jobs["report"] == 1 and jobs["data"] == {"paper_b": 1}.get(path.stem, 2)


def segmented(folder: Path, **segment: object) -> Path:
    """A configuration with fields that have no labels, cut at what `segment` finds."""
    (folder / "images").mkdir(exist_ok=True)
    values = {
        "data": {"nuclei": {"reader": "fields", "images": str(folder / "images"), "channels": ["dna"]}},
        "segment": {"data": "nuclei", **segment},
        "crop": {"data": "nuclei"},
    }
    path = folder / "segmented.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_segment_runs_before_crop_which_takes_its_labels(tmp_path: Path) -> None:
    run = snakemake(tmp_path, "-n", "-p", config=segmented(tmp_path))
    assert planned(run) == {"data": 1, "segment": 1, "crop": 1, "report": 1}
    commands = {
        text.split()[0]: text for text in (run.stdout + run.stderr).split("Shell command: exec multiscope ")[1:]
    }
    assert "--labels results/segment/nuclei" in commands["crop"]
    assert "--segmented results/segment/nuclei" in commands["report"]
    check = ["multiscope", "check", str(segmented(tmp_path))]
    said = subprocess.run(check, env=environment(), capture_output=True, text=True, check=True).stdout
    assert "runs data, segment, crop" in said


@pytest.mark.parametrize("method", ["cellpose", "stardist"])
def test_each_network_of_segment_has_its_environment(tmp_path: Path, method: str) -> None:
    assert planned(snakemake(tmp_path, "-n", config=segmented(tmp_path, method=method)))["segment"] == 1
    named = yaml.safe_load((ROOT / "envs" / f"{method}.yaml").read_text(encoding="utf-8"))["dependencies"]
    from_pip = [name for entry in named if isinstance(entry, dict) for name in entry["pip"]]
    packages = {re.split(r"[ >=<,]", entry)[0] for entry in [*from_pip, *named] if isinstance(entry, str)}
    assert method in packages
    script = ROOT / "envs" / f"{method}.post-deploy.sh"
    assert script.read_text(encoding="utf-8") == (ROOT / "envs" / "multiscope.post-deploy.sh").read_text("utf-8")


def test_parsing_imports_neither_torch_nor_zarr(tmp_path: Path) -> None:
    for heavy in ("torch", "zarr", "tensorstore"):
        (tmp_path / heavy).mkdir()
        (tmp_path / heavy / "__init__.py").write_text(f"raise ImportError('{heavy} while parsing')")
    env = {**environment(), "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(["snakemake", "-n", "-q"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_lint_and_format_are_clean(tmp_path: Path) -> None:
    for command in (["snakemake", "--lint"], ["snakefmt", "--check", "Snakefile", "workflow"]):
        run = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_rule_has_what_a_cluster_needs(path: Path) -> None:
    for block in re.split(r"^(?=rule )", path.read_text(), flags=re.MULTILINE)[1:]:
        for part in ("log:", "benchmark:", "conda:", "threads:", "mem_mb=", "runtime=", "version="):
            assert part in block, (block.splitlines()[0], part)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("restore.methodz", {}, "restore.methodz: unknown key 'methodz'; did you mean 'methods'?"),
        ("data.more", {"reader": "crops", "path": "nowhere"}, "data.more.path: nowhere does not exist"),
        ("localize.encoders.deeploc.epochs", -3, "localize.encoders.deeploc.epochs: Input should be greater than"),
    ],
)
def test_a_bad_config_ends_with_one_line_and_code_2(changed_config, tmp_path, key, value, line) -> None:  # type: ignore[no-untyped-def]
    run = snakemake(tmp_path, config=changed_config(key, value))
    assert run.returncode == 2
    said = [text for text in run.stderr.splitlines() if text.strip() and "Using workflow specific profile" not in text]
    assert len(said) == 1, run.stderr
    assert said[0].startswith("multiscope: config: ") and line in said[0]


def test_profiles_hold_only_what_belongs_to_a_place() -> None:
    for path in (ROOT / "profiles").glob("*/profile.yaml"):
        profile = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert profile["rerun-incomplete"] is True
        assert "keep-incomplete" not in profile


def test_the_conda_environment_names_every_direct_dependency() -> None:
    import tomllib

    named = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[>=<,]", text)[0] for text in project["dependencies"]}
    needed -= {"snakemake", "snakemake-executor-plugin-slurm"}  # they start the jobs, they are not in them
    listed = yaml.safe_load((ROOT / "envs" / "multiscope.yaml").read_text(encoding="utf-8"))["dependencies"]
    listed = [text for entry in listed for text in (entry["pip"] if isinstance(entry, dict) else [entry])]
    names = {re.split(r"[ >=<,]", text)[0] for text in listed}
    assert {named.get(name, name) for name in needed} <= names
