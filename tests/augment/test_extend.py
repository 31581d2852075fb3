"""A defect is added to a trained generator by learning only its own rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from multiscope import config
from multiscope.augment.stage import run_generator
from multiscope.data.patches import Fields, UnpairedPatches
from multiscope.data.stage import run as make_data
from multiscope.errors import InputError
from multiscope.folders.manifest import digest_of, read_manifest
from multiscope.nn.cards import load_network
from multiscope.nn.cin import condition_tables
from multiscope.nn.spectrum import log_spectrum

KNOWN, NEW = ["axial", "blur"], "noise"


def settings(**keys: object) -> config.Augment:
    return config.Augment(
        data="tiny",
        patch_size=32,
        content=config.Content(steps=5, width=4),
        cin_gan=config.CinGan(width=4, blocks=1, critic_width=4, batch_size=4, critic_steps=1, lr=3e-3, **keys),
    )


@pytest.fixture(scope="module")
def known(tiny_config: config.VirtualScreen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator that was trained on the same screen without the defect `noise`."""
    folder = tmp_path_factory.mktemp("known")
    defects = {name: model for name, model in tiny_config.defects.items() if name in KNOWN}
    make_data(out=folder / "data", dataset="tiny", config=tiny_config.model_copy(update={"defects": defects}))
    run_generator(
        data=folder / "data", out=folder / "g", state=folder / "s", config=settings(steps=3), seed=0, device="cpu"
    )
    return folder / "g"


@pytest.fixture(scope="module")
def extended(known: Path, tiny_screen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extended")
    config = settings(steps=60, extend=known)
    run_generator(data=tiny_screen, out=folder / "g", state=folder / "s", config=config, seed=1, device="cpu")
    return folder / "g"


def test_only_the_new_rows_moved(known: Path, extended: Path) -> None:
    before, after = (load_file(folder / "model.safetensors") for folder in (known, extended))
    network, _ = load_network(extended)
    tables = {id(table) for table in condition_tables(network)}
    moved = 0.0
    for name, parameter in network.named_parameters():
        if id(parameter) in tables:
            assert torch.equal(after[name][: len(KNOWN)], before[name])
            moved += float((after[name][len(KNOWN)] - before[name].mean(dim=0)).abs().sum())
        else:
            assert torch.equal(after[name], before[name])
    assert moved > 0


def test_what_it_made_before_it_makes_still(known: Path, extended: Path) -> None:
    x = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    made = []
    for folder in (known, extended):
        network, card = load_network(folder)
        assert card["conditions"][: len(KNOWN)] == KNOWN
        torch.manual_seed(0)
        with torch.no_grad():
            made.append(network(x, torch.tensor([0, 1])))
    assert torch.equal(*made)


def test_the_new_defect_is_nearer_to_real_ones_than_clean_is(extended: Path, tiny_screen: Path) -> None:
    patches = UnpairedPatches(Fields(tiny_screen), size=32)
    network, card = load_network(extended)
    assert card["conditions"] == [*KNOWN, NEW]
    clean = patches.clean(np.random.default_rng(0), 128)
    real = log_spectrum(patches.degraded(np.random.default_rng(1), [NEW] * 128))
    with torch.no_grad():
        made = network(clean, torch.full((128,), len(KNOWN)))
    distances = [float((log_spectrum(x) - real).abs().mean()) for x in (made, clean)]
    assert distances[0] < 0.5 * distances[1]


def test_the_manifest_knows_what_was_extended(known: Path, extended: Path) -> None:
    manifest = read_manifest(extended)
    assert manifest["inputs"]["extend"] == digest_of(known)
    assert manifest["notes"]["learned"] == [NEW]


def test_nothing_to_learn_is_one_line(extended: Path, tiny_screen: Path, tmp_path: Path) -> None:
    config = settings(steps=1, extend=extended)
    with pytest.raises(InputError, match=r"knows all defects of the data set already \(axial, blur, noise\); remove"):
        run_generator(data=tiny_screen, out=tmp_path / "g", state=tmp_path / "s", config=config, seed=0, device="cpu")


def test_a_folder_of_another_stage_is_refused(tiny_screen: Path, tmp_path: Path) -> None:
    config = settings(steps=1, extend=tiny_screen)
    with pytest.raises(InputError, match="was made by 'data'; expected a folder made by augment"):
        run_generator(data=tiny_screen, out=tmp_path / "g", state=tmp_path / "s", config=config, seed=0, device="cpu")
