"""Each environment file is complete for the rules that name it, bounded, and agrees with the project and its lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.envs.imports import imported_packages
from tests.envs.spec import ENVS, FILES, PYPI, ROOT, entries, locked, requirements

BY_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
PACKAGES = {
    "PIL": "pillow",
    "lightning_fabric": "lightning-fabric",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Packages whose modules have another name."""
OWN = {
    "multiscope": set[str](),
    "cellpose": {"cellpose"},
    "stardist": {"stardist", "csbdeep"},
    "careamics": {"careamics", "lightning"},
}
"""What is imported only where a method asks for it, by the environment of that method."""
OPTIONAL = {"umap"}
"""Used where it is installed."""
CHOSEN = {"segment_env()": ["multiscope", "cellpose", "stardist"], "method_env": ["multiscope", "careamics"]}
"""Functions of `common.smk` that choose an environment."""
FROM_PIP = {"careamics", "cellpose", "copairs", "lightning-fabric", "pycytominer"}
"""Not in conda-forge, or not in these versions."""
STARTS_JOBS = {"snakemake", "snakemake-executor-plugin-slurm"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def commands() -> list[tuple[str, str]]:
    """Every command of a rule with each environment that it may run in."""
    found = []
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            command = re.search(r"\bmultiscope ([\w-]+)", block.split("shell:")[1])
            named = re.search(r"conda:\n +(.+)\n", block)
            assert command and named, block
            one = re.fullmatch(r'"../../envs/(\w+)\.yaml"', named[1])
            found += [(command[1], env) for env in ([one[1]] if one else CHOSEN[named[1]])]
    return sorted(found)


def test_every_environment_is_named_by_a_rule_and_every_one_named_is_there() -> None:
    assert {env for _, env in commands()} == {path.stem for path in FILES} == OWN.keys()


@pytest.mark.parametrize(("command", "env"), commands())
def test_all_that_a_rule_may_import_is_in_its_environment(command: str, env: str) -> None:
    others = set().union(*OWN.values()) - OWN[env]
    packages = {PACKAGES.get(name, name) for name in imported_packages(command) - others - OPTIONAL}
    listed = requirements(ENVS / f"{env}.yaml").keys()
    assert packages <= listed, f"{env}.yaml lacks {sorted(packages - listed)}"
    # what is called by other packages: hatchling and editables install multiscope, pyarrow is pandas' for Parquet
    assert {"pip", "hatchling", "editables", "pyarrow"} <= listed


def test_late_imports_are_seen() -> None:
    assert {"cellpose", "stardist", "csbdeep", "scipy", "typer"} <= imported_packages("segment")
    assert "careamics" in imported_packages("sweep") and "careamics" not in imported_packages("localize")
    assert "torch" not in imported_packages("segment")


@BY_FILE
def test_channels_are_conda_forge_alone(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8")).keys() == {"channels", "dependencies"}
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["channels"] == ["conda-forge", "nodefaults"]


@BY_FILE
def test_every_entry_has_both_bounds(path: Path) -> None:
    for need in requirements(path).values():
        operators = {part.operator for part in need.specifier}
        assert ">=" in operators and operators & {"<", "<="}, need


@BY_FILE
def test_names_are_those_of_conda_forge(path: Path) -> None:
    from_conda, from_pip = entries(path)
    names = {entry.split()[0] for entry in from_conda}
    assert not names & {*PYPI.values(), *FROM_PIP}
    assert {entry.split()[0] for entry in from_pip} <= FROM_PIP
    # listed once each
    assert len(requirements(path)) == len(from_conda) + len(from_pip)


@BY_FILE
def test_bounds_lie_within_those_of_the_project(path: Path) -> None:
    """An environment may ask for more than the project: what its package needs."""
    of_project = {need.name: need for need in map(Requirement, PROJECT["dependencies"])}
    python = Requirement(f"python{PROJECT['requires-python']}")
    for name, need in requirements(path).items():
        wide = {**of_project, "python": python}.get(name, need).specifier
        for part in need.specifier:
            if part.operator in (">=", "<="):
                assert Version(part.version) in wide, f"{need} is outside {wide}"


def test_multiscope_yaml_has_every_dependency_of_the_project_and_what_is_locked() -> None:
    listed, pins = requirements(ENVS / "multiscope.yaml"), locked()
    direct = {Requirement(text).name for text in PROJECT["dependencies"]} - STARTS_JOBS
    assert direct <= listed.keys()
    for name in {*listed} & {*pins}:
        assert pins[name] in listed[name].specifier, f"{name} {pins[name]} of envs/lock.txt is outside {listed[name]}"
    assert direct <= pins.keys()


def test_the_lock_has_the_project_s_bounds_and_a_hash_for_everything() -> None:
    pins = locked()
    for need in map(Requirement, PROJECT["dependencies"]):
        assert pins[need.name] in need.specifier
    blocks = re.split(r"^(?=[\w.-]+==)", (ENVS / "lock.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins) and all("--hash=sha256:" in block for block in blocks)


def test_careamics_yaml_differs_from_multiscope_yaml_only_by_what_careamics_needs() -> None:
    own, common = requirements(ENVS / "careamics.yaml"), requirements(ENVS / "multiscope.yaml")
    assert own.keys() - common.keys() == {"careamics", "lightning", "psutil", "torchmetrics"}
    assert common.keys() <= own.keys()
