"""What can be said of the image's definition without building it."""

from __future__ import annotations

import re

from tests.envs.spec import ENVS, ROOT
from tests.envs.stand_in_apptainer import sections

PARTS = sections((ENVS / "multiscope.def").read_text(encoding="utf-8"))


def test_its_files_are_in_the_checkout_and_all_that_installing_needs() -> None:
    copied = dict(line.split() for line in PARTS["files"].splitlines() if line.strip())
    assert all((ROOT / source).exists() for source in copied)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = {"pyproject.toml", "src", *re.findall(r'^(?:readme = |license-files = \[)"([^"]+)"', project, re.MULTILINE)}
    assert copied.keys() == named | {"envs/lock.txt"} and "README.md" in named
    assert all(target == f"/opt/source/{source.removeprefix('envs/')}" for source, target in copied.items())


def test_packages_come_from_the_lock_with_their_hashes_and_nothing_else_from_pip() -> None:
    packages, itself = re.findall(r"pip install (.+)", PARTS["post"])
    assert packages == "--no-cache-dir --require-hashes -r /opt/source/lock.txt"
    assert itself == "--no-cache-dir --no-deps --no-build-isolation /opt/source"


def test_it_is_the_image_that_the_workflow_names() -> None:
    named = re.search(r'MULTISCOPE_IMAGE", "(.+?)"', (ROOT / "workflow" / "Snakefile").read_text(encoding="utf-8"))
    assert named and f"apptainer build {named[1]} envs/multiscope.def" in PARTS["help"]
