"""What several rooms' tests need: a tiny virtual screen, made once, and where the real data lies."""

from __future__ import annotations

import os
from pathlib import Path

# before torch: threads that wait must not spin where others work
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import pytest
import torch
from hypothesis import HealthCheck, settings
from safetensors.torch import load_file

from multiscope import config

ROOT = Path(__file__).parent.parent

# a busy machine is no fault of the code, and CI must not draw other examples than yesterday
settings.register_profile(
    "multiscope",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("multiscope")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that neither of two processes waits for the other's last one.

    The whole chain takes longest. What looks at it comes after the other tests of the workflow, or the second process
    would wait for it; then what is marked slow.
    """
    looking = {item.path for item in items if "chain" in getattr(item, "fixturenames", ())}
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def turn(item: pytest.Item) -> tuple[bool, bool, bool]:
        looks = item.path in looking and item.path.name != "test_chain.py"
        return "workflow" not in item.path.parts, looks, item.path not in slow

    items.sort(key=turn)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images; tests that need it skip where it is missing."""
    folder = Path(os.environ.get("MULTISCOPE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MULTISCOPE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def tiny_config() -> config.VirtualScreen:
    return config.VirtualScreen(
        reader="virtual_screen",
        compartments=["nucleus", "cytoplasm", "cell_periphery"],
        processes_per_compartment=1,
        pathways_per_process=1,
        complexes_per_pathway=1,
        proteins_per_complex=2,
        fields_per_protein=3,
        cells_per_field=12,
        field_size=128,
        split=config.Split(train=0.34, val=0.33),
    )


@pytest.fixture(scope="session")
def tiny_screen(tmp_path_factory: pytest.TempPathFactory, tiny_config: config.VirtualScreen) -> Path:
    """The data folder of a screen of six proteins in three compartments."""
    from multiscope.data.stage import run

    out = tmp_path_factory.mktemp("screen") / "data"
    run(out=out, dataset="tiny", config=tiny_config)
    return out


@pytest.fixture(scope="session")
def tiny_crops(tmp_path_factory: pytest.TempPathFactory, tiny_screen: Path) -> Path:
    """Crops of the clean fields of `tiny_screen`."""
    from multiscope.crop.stage import run

    out = tmp_path_factory.mktemp("crops") / "clean"
    run(data=tiny_screen, source="clean", restored=None, out=out, config=config.Crop(data="tiny"))
    return out


def die_at(monkeypatch: pytest.MonkeyPatch, recipe: type, *, step: int) -> None:
    """Let a training die before its `step`, as if it were killed."""
    whole = recipe.step  # type: ignore[attr-defined]

    def dying(self: object, number: int) -> dict[str, float]:
        if number == step:
            raise RuntimeError("killed")
        losses: dict[str, float] = whole(self, number)
        return losses

    monkeypatch.setattr(recipe, "step", dying)


def assert_same_run(expected: Path, found: Path) -> None:
    """Two trainings ended with the same weights and the same history."""
    weights, others = (load_file(folder / "model.safetensors") for folder in (expected, found))
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert (expected / "history.jsonl").read_text() == (found / "history.jsonl").read_text()
