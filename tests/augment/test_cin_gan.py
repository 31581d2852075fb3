from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from multiscope.augment.cin_gan import CinGanRecipe
from multiscope.augment.stage import run_generator, run_pairs
from multiscope.config import Augment, CinGan, Content, Pairs
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.nn.cards import load_network
from multiscope.stores.samples import SampleStore
from multiscope.training.loop import Plan
from tests.conftest import assert_same_run, die_at

SMALL = Augment(
    data="tiny",
    patch_size=32,
    content=Content(steps=20, width=4),
    cin_gan=CinGan(width=4, blocks=1, critic_width=4, steps=30, batch_size=4, critic_steps=2, noise_planes=0),
    pairs=Pairs(n_pairs=4, alpha=0.5),
)


@pytest.fixture(scope="module")
def generator(tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("augment") / "cin_gan"
    run_generator(data=tiny_screen, out=out, state=out.with_suffix(".state"), config=SMALL, seed=0, device="cpu")
    return out


def test_switching_the_defect_changes_the_image(generator: Path, tiny_screen: Path) -> None:
    network, card = load_network(generator)
    fields = Fields(tiny_screen)
    assert card["conditions"] == fields.defects == ["axial", "blur", "noise"]
    image = torch.from_numpy(fields.scales[0].to_unit(fields.image("clean", fields.table["field_id"][0])[:1]))[None]
    with torch.no_grad():
        made = [network(image, torch.tensor([i])) for i in range(3)]
    # an untrained generator makes exactly the same of each; there is no noise plane that could make the difference
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (made[a] - made[b]).abs().mean() > 1e-5


def test_killed_and_run_again_it_ends_as_one_that_was_not(
    generator: Path, tiny_screen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "save_seconds", 0.0)
    with monkeypatch.context() as killing:
        die_at(killing, CinGanRecipe, step=17)
        with pytest.raises(RuntimeError, match="killed"):
            run_generator(
                data=tiny_screen, out=tmp_path / "g", state=tmp_path / "s", config=SMALL, seed=0, device="cpu"
            )
    assert not (tmp_path / "g").exists()
    run_generator(data=tiny_screen, out=tmp_path / "g", state=tmp_path / "s", config=SMALL, seed=0, device="cpu")
    assert_same_run(generator, tmp_path / "g")


def test_the_state_is_gone_and_the_history_kept(generator: Path) -> None:
    assert not generator.with_suffix(".state").exists()
    assert len((generator / "history.jsonl").read_text().splitlines()) == 3


def test_pairs_hold_what_the_generator_made(generator: Path, tiny_screen: Path, tmp_path: Path) -> None:
    run_pairs(data=tiny_screen, generator=generator, out=tmp_path / "pairs", config=SMALL, seed=0, device="cpu")
    store = SampleStore(tmp_path / "pairs" / "pairs.zarr")
    rows = np.flatnonzero((store.table["origin"] == "synthetic") & (store.table["defect"] == "blur"))
    network, card = load_network(generator)
    index = torch.full((len(rows),), card["conditions"].index("blur"))
    with torch.no_grad():
        expected = network(torch.from_numpy(store.take("clean", rows)), index)
    assert np.allclose(store.take("degraded", rows), expected, atol=1e-5)


def test_synthetic_pairs_without_a_generator_are_an_error(tiny_screen: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--generator is missing: alpha 0\.5 asks for 4 synthetic pairs"):
        run_pairs(data=tiny_screen, generator=None, out=tmp_path / "pairs", config=SMALL, seed=0)
    assert not (tmp_path / "pairs").exists()
