from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from multiscope.augment import stage
from multiscope.augment.cin_gan import CinGanRecipe, new_generator
from multiscope.augment.stage import cin_gan_degrader, run_generator, run_pairs
from multiscope.config import Augment, CinGan, Content, Pairs
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.folders.manifest import read_manifest
from multiscope.nn.cards import load_network
from multiscope.stores.samples import SampleStore
from multiscope.training.device import make_fabric
from multiscope.training.loop import Plan
from tests.conftest import assert_same_run, die_at

SMALL = Augment(
    data="tiny",
    patch_size=32,
    content=Content(steps=20, width=4),
    cin_gan=CinGan(
        width=4, blocks=1, critic_width=4, steps=30, batch_size=4, critic_steps=2, skip="residual", noise_planes=0
    ),
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
    monkeypatch.setattr(stage, "Plan", partial(Plan, save_seconds=0.0))
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
    rows = np.flatnonzero((store.table["origin"] == "cin_gan") & (store.table["defect"] == "blur"))
    network, card = load_network(generator)
    index = torch.full((len(rows),), card["conditions"].index("blur"))
    with torch.no_grad():
        expected = network(torch.from_numpy(store.take("clean", rows)), index)
    assert np.allclose(store.take("degraded", rows), expected, atol=1e-5)


def test_synthetic_pairs_without_a_generator_are_an_error(tiny_screen: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"--generator is missing: augmentation 'cin_gan' asks for pairs made by CIN-GAN"
    ):
        run_pairs(data=tiny_screen, generator=None, out=tmp_path / "pairs", config=SMALL, seed=0)
    assert not (tmp_path / "pairs").exists()


def test_a_generator_is_not_asked_for_where_none_is_needed(tiny_screen: Path, tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"pairs": Pairs(n_pairs=2, augmentation="physics", n_synthetic=3)})
    run_pairs(data=tiny_screen, generator=None, out=tmp_path / "pairs", config=config, seed=0, device="cpu")
    manifest = read_manifest(tmp_path / "pairs")
    assert set(manifest["inputs"]) == {"data"}
    assert manifest["notes"]["augmentation"] == "physics"
    assert manifest["notes"]["n_synthetic"] == {"axial": 3, "blur": 3, "noise": 3}
    assert {name: row["kept"] for name, row in manifest["counts"].items()} == {"real pairs": 6, "synthetic pairs": 9}


@pytest.mark.parametrize(
    ("augmentation", "alpha", "noted"), [("none", 0.5, "none"), ("flips", 0.5, "flips"), ("cin_gan", 1.0, "flips")]
)
def test_the_manifest_says_how_more_was_made_of_the_pairs(
    tiny_screen: Path, tmp_path: Path, augmentation: str, alpha: float, noted: str
) -> None:
    pairs = Pairs(n_pairs=2, augmentation=augmentation, alpha=alpha)
    config = SMALL.model_copy(update={"pairs": pairs})
    run_pairs(data=tiny_screen, generator=None, out=tmp_path / "pairs", config=config, seed=0, device="cpu")
    assert read_manifest(tmp_path / "pairs")["notes"]["augmentation"] == noted
    assert not (tmp_path / "pairs" / "synthetic.parquet").exists()


def test_noise_of_a_defect_does_not_depend_on_what_was_made_before(tiny_screen: Path, tmp_path: Path) -> None:
    cin_gan = SMALL.cin_gan.model_copy(update={"skip": "stochastic", "steps": 1})
    config = SMALL.model_copy(update={"cin_gan": cin_gan})
    run_generator(data=tiny_screen, out=tmp_path / "g", state=tmp_path / "s", config=config, seed=0, device="cpu")
    degrade = cin_gan_degrader(tmp_path / "g", Fields(tiny_screen), seed=0, fabric=make_fabric("cpu", threads=2))
    clean = np.zeros((3, 32, 32), np.float32)
    first, _, again = (degrade(clean, defect) for defect in ("noise", "blur", "noise"))
    assert np.array_equal(first, again)
    assert first.std() > 0


def test_a_defect_that_the_generator_does_not_know_is_one_line(generator: Path, tiny_screen: Path) -> None:
    degrade = cin_gan_degrader(generator, Fields(tiny_screen), seed=0, fabric=make_fabric("cpu", threads=2))
    with pytest.raises(InputError, match=r"does not know the defect 'haze' \(knows axial, blur, noise\)"):
        degrade(np.zeros((1, 32, 32), np.float32), "haze")


@pytest.mark.parametrize("profile", ["small", "paper", "published_code"])
def test_every_profile_trains(profile: str, tiny_screen: Path, tmp_path: Path) -> None:
    cin_gan = CinGan.model_validate(
        {"profile": profile, "width": 2, "blocks": 1, "critic_width": 2, "critic_steps": 1, "batch_size": 2, "steps": 2}
    )
    config = SMALL.model_copy(update={"cin_gan": cin_gan})
    run_generator(data=tiny_screen, out=tmp_path / "g", state=tmp_path / "s", config=config, seed=0, device="cpu")
    network, card = load_network(tmp_path / "g")
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 32, 32), torch.tensor([2])).shape == (1, 1, 32, 32)
    assert card["conditions"] == ["axial", "blur", "noise"]


def test_published_sizes() -> None:
    with torch.device("meta"):
        published = new_generator(CinGan(profile="published_code"), ["a", "b", "c"]).network
        paper = new_generator(CinGan(profile="paper"), ["a", "b", "c"]).network
    assert sum(p.numel() for p in published.parameters()) == 14_918_419
    # affines of all 29 norms for each of the defects, where the code has scalars in 3 and one affine in the others
    affines = 2 * (64 + 128 + 256 + 12 * 2 * 256 + 128 + 64)
    plain = 2 * 12 * 2 * 256
    assert sum(p.numel() for p in paper.parameters()) == 14_918_419 - 18 - plain + 3 * affines
