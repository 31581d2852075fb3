"""Fixtures of the report's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiscope import config
from tests.report.stages import SWEEP, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "results")


@pytest.fixture(scope="session")
def run_config() -> config.Config:
    # the report does not ask whether the sections fit each other
    return config.Config(data={"screen": config.VirtualScreen(reader="virtual_screen")}).model_copy(
        update={"sweep": SWEEP}
    )
