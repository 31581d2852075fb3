"""Environment files and the lock: what they list, with which bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
ENVS = ROOT / "envs"
FILES = sorted(ENVS.glob("*.yaml"))
PYPI = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
"""Packages whose name in conda-forge is not that in the Python package index."""


def entries(path: Path) -> tuple[list[str], list[str]]:
    """Lines of an environment file: those for conda, and those for pip."""
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    from_pip = [line for entry in listed if isinstance(entry, dict) for line in entry["pip"]]
    return [entry for entry in listed if isinstance(entry, str)], from_pip


def requirements(path: Path) -> dict[str, Requirement]:
    """All that an environment file lists, by the names and in the words of the Python package index."""
    from_conda, from_pip = entries(path)
    return {need.name: need for need in map(_requirement, [*from_conda, *from_pip])}


def locked() -> dict[str, str]:
    """Versions in `envs/lock.txt`, by name."""
    return dict(_pins((ENVS / "lock.txt").read_text(encoding="utf-8")))


def _requirement(entry: str) -> Requirement:
    name, _, bounds = entry.partition(" ")
    return Requirement(canonicalize_name(PYPI.get(name, name)) + bounds)


def _pins(text: str) -> Iterator[tuple[str, str]]:
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE):
        yield canonicalize_name(name), version
