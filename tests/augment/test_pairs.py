from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiscope.augment.pairs import build_pairs
from multiscope.config import Pairs
from multiscope.config.defects import Axial, Blur, Noise
from multiscope.data.patches import Fields
from multiscope.errors import InputError

SIZE = 32


@pytest.fixture(scope="module")
def fields(tiny_screen: Path) -> Fields:
    return Fields(tiny_screen)


def inverted(clean: np.ndarray, defect: str) -> np.ndarray:
    return -clean


def test_alpha_is_the_share_of_real_pairs() -> None:
    assert Pairs(alpha=0.3).synthetic_beside(50) == 116  # the paper's example: 116.67 without its fraction
    assert Pairs(alpha=0.5).synthetic_beside(50) == 50
    assert Pairs(alpha=1).synthetic_beside(50) == 0


@given(n=st.integers(1, 500), share=st.integers(1, 20))
def test_a_whole_number_of_synthetic_pairs_is_not_rounded_down(n: int, share: int) -> None:
    assert Pairs(alpha=1 / (1 + share)).synthetic_beside(n) == n * share


def test_a_number_of_synthetic_pairs_takes_the_place_of_alpha() -> None:
    assert Pairs(alpha=0.3, n_synthetic=7).synthetic_beside(50) == 7
    assert Pairs(alpha=1, n_synthetic=7).synthetic_beside(50) == 7
    assert Pairs(alpha=0.3, n_synthetic=0).synthetic_beside(50) == 0


@pytest.mark.parametrize("augmentation", ["none", "flips"])
def test_nothing_is_made_where_that_is_not_asked_for(fields: Fields, augmentation: str) -> None:
    config = Pairs(n_pairs=2, augmentation=augmentation, n_synthetic=5)
    assert set(build_pairs(fields, config, size=SIZE, seed=0, degrade=None).table["origin"]) == {"real"}


def test_counts_of_real_and_synthetic_pairs(fields: Fields) -> None:
    pairs = build_pairs(fields, Pairs(n_pairs=4, alpha=0.5), size=SIZE, seed=0, degrade=inverted)
    counted = pairs.table.groupby(["defect", "origin"]).size()
    assert set(counted) == {4}
    assert len(counted) == 2 * len(fields.defects)
    assert pairs.degraded.shape == pairs.clean.shape == (len(pairs.table), 1, SIZE, SIZE)


def test_both_is_half_and_half(fields: Fields) -> None:
    config = Pairs(n_pairs=1, n_synthetic=5, augmentation="both")
    table = build_pairs(fields, config, size=SIZE, seed=0, degrade=inverted).table
    of_blur = table[table["defect"] == "blur"]["origin"].value_counts()
    assert of_blur.to_dict() == {"physics": 3, "cin_gan": 2, "real": 1}


def test_a_real_pair_is_one_place_in_two_images(fields: Fields) -> None:
    pairs = build_pairs(fields, Pairs(n_pairs=3, alpha=1), size=SIZE, seed=0, degrade=None)
    for i, row in enumerate(pairs.table.itertuples()):
        where = np.s_[row.channel, row.y : row.y + SIZE, row.x : row.x + SIZE]
        scale = fields.scales[row.channel]
        assert np.allclose(pairs.clean[i, 0], scale.to_unit(fields.image("clean", row.field_id)[where]))
        assert np.allclose(pairs.degraded[i, 0], scale.to_unit(fields.image(row.defect, row.field_id)[where]))


def test_real_pairs_do_not_overlap(fields: Fields) -> None:
    table = build_pairs(fields, Pairs(n_pairs="all", alpha=1), size=SIZE, seed=0, degrade=None).table
    for _, plane in table.groupby(["defect", "field_id", "channel"]):
        covered = np.zeros((128, 128), int)
        for row in plane.itertuples():
            covered[row.y : row.y + SIZE, row.x : row.x + SIZE] += 1
        assert (covered == 1).all()  # 128 is four times 32: all of the field, and each pixel once


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), few=st.integers(1, 6), more=st.integers(1, 6))
def test_fewer_pairs_are_the_first_of_more(fields: Fields, seed: int, few: int, more: int) -> None:
    small, large = (
        build_pairs(fields, Pairs(n_pairs=n, alpha=1), size=SIZE, seed=seed, degrade=None).table
        for n in (few, few + more)
    )
    for defect in fields.defects:
        first = large[large["defect"] == defect].head(few).reset_index(drop=True)
        assert first.equals(small[small["defect"] == defect].reset_index(drop=True))


def test_first_pairs_have_more_structure_than_all(fields: Fields) -> None:
    def structure(n: int | str) -> float:
        config = Pairs(n_pairs=n, alpha=1)
        return float(
            np.mean(
                [
                    build_pairs(fields, config, size=SIZE, seed=s, degrade=None).clean.std(axis=(-2, -1)).mean()
                    for s in range(8)
                ]
            )
        )

    assert structure(4) > structure("all")


def test_another_seed_has_other_pairs(fields: Fields) -> None:
    tables = [build_pairs(fields, Pairs(n_pairs=4, alpha=1), size=SIZE, seed=s, degrade=None).table for s in (0, 1)]
    assert not tables[0].equals(tables[1])


def test_more_pairs_than_there_are_is_an_error_with_their_number(fields: Fields) -> None:
    n = len(fields.tiles(fields.rows(split="train", defect="axial"), size=SIZE))
    with pytest.raises(InputError, match=rf"n_pairs: 9999 asked for, .*'axial' hold {n} patches .*take {n} or fewer"):
        build_pairs(fields, Pairs(n_pairs=9999, alpha=1), size=SIZE, seed=0, degrade=None)


def test_no_pair_comes_from_a_test_field(fields: Fields) -> None:
    config = Pairs(n_pairs=10, alpha=0.3, augmentation="both")
    pairs = build_pairs(fields, config, size=SIZE, seed=0, degrade=inverted)
    split = fields.table.set_index("field_id")["split"]
    assert set(split[pairs.table["field_id"]]) == {"train"}


def test_a_synthetic_pair_has_a_clean_image_without_that_partner(fields: Fields) -> None:
    pairs = build_pairs(fields, Pairs(n_pairs=10, alpha=0.5), size=SIZE, seed=0, degrade=inverted)
    synthetic = pairs.table["origin"] == "cin_gan"
    assert np.array_equal(pairs.degraded[synthetic], -pairs.clean[synthetic])
    own = fields.table.set_index("field_id")["defect"][pairs.table.loc[synthetic, "field_id"]]
    assert (own.to_numpy() != pairs.table.loc[synthetic, "defect"].to_numpy()).all()


def test_unpaired_uses_no_real_pair(fields: Fields) -> None:
    config = Pairs(setting="unpaired", n_pairs=4, alpha=0.5)
    pairs = build_pairs(fields, config, size=SIZE, seed=0, degrade=inverted)
    assert set(pairs.table["origin"]) == {"cin_gan"}


def test_no_pairs_at_all_is_an_error(fields: Fields) -> None:
    with pytest.raises(InputError, match="leaves no pairs at all; lower alpha"):
        build_pairs(fields, Pairs(setting="unpaired", alpha=1), size=SIZE, seed=0, degrade=None)


def test_a_patch_larger_than_a_field_is_an_error(fields: Fields) -> None:
    with pytest.raises(InputError, match=r"smaller than augment\.patch_size 256; choose a smaller patch"):
        build_pairs(fields, Pairs(n_pairs=1, alpha=1), size=256, seed=0, degrade=None)


def physics(fields: Fields, **keys: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degraded and clean patches of `blur` made by forward models, and their strengths."""
    config = Pairs(n_pairs=1, augmentation="physics", n_synthetic=24, **keys)
    pairs = build_pairs(fields, config, size=SIZE, seed=0, degrade=None)
    rows = ((pairs.table["defect"] == "blur") & (pairs.table["origin"] == "physics")).to_numpy()
    return pairs.degraded[rows, 0], pairs.clean[rows, 0], pairs.table.loc[rows, "strength"].to_numpy()


def fine(patches: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(patches, axis=-1)).mean(axis=(-2, -1))


def test_strengths_are_drawn_between_their_bounds(fields: Fields) -> None:
    _, _, strengths = physics(fields)
    assert strengths.min() >= 0.5 and strengths.max() <= 1.5
    assert strengths.std() > 0.15
    assert set(physics(fields, strengths=(2, 2))[2]) == {2.0}


def test_strength_is_in_units_of_that_of_the_model(fields: Fields) -> None:
    _, _, strengths = physics(fields, physics={"blur": Blur(strength=0.5)}, strengths=(1, 1))
    assert set(strengths) == {0.5}


def test_physics_of_a_name_is_the_documented_model(fields: Fields) -> None:
    degraded, clean, _ = physics(fields, physics={"blur": Blur(photons=1e6, haze_level=0)}, strengths=(1, 1))
    assert np.median(fine(degraded) / fine(clean)) < 0.6
    noisy, clean, _ = physics(fields, physics={"blur": Noise()}, strengths=(1, 1))
    assert np.median(fine(noisy) / fine(clean)) > 1.5


def test_photons_are_counted_by_the_peak_of_the_field(fields: Fields) -> None:
    noisy, clean, _ = physics(fields, physics={"blur": Noise(read_noise=0)}, strengths=(1, 1))
    spread = (noisy - clean).std(axis=(-2, -1))
    # a patch that counted by its own peak would have a spread in proportion to its contrast
    dark = clean.max(axis=(-2, -1)) < np.quantile(clean.max(axis=(-2, -1)), 0.3)
    assert (spread[dark] / np.ptp(clean[dark], axis=(-2, -1))).mean() > 1.2 * (
        spread[~dark] / np.ptp(clean[~dark], axis=(-2, -1))
    ).mean()


def test_a_model_for_a_defect_that_is_not_there_is_an_error(fields: Fields) -> None:
    with pytest.raises(InputError, match=r"pairs\.physics: the data set has no defect 'haze'; have axial, blur, noise"):
        physics(fields, physics={"haze": Axial()})


def test_a_defect_that_no_model_is_named_after_is_an_error(fields: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fields, "defects", ["widefield"])
    with pytest.raises(InputError, match=r"no forward model has the name of the defect 'widefield'; .*models: noise"):
        physics(fields)
