from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiscope.augment.pairs import build_pairs, n_synthetic
from multiscope.config import Pairs
from multiscope.data.patches import Fields
from multiscope.errors import InputError


def inverted(clean: np.ndarray, defect: str) -> np.ndarray:
    return -clean


def test_alpha_is_the_share_of_real_pairs() -> None:
    assert n_synthetic(Pairs(n_pairs=50, alpha=0.3)) == 117  # 116.67; the paper's example says 116
    assert n_synthetic(Pairs(n_pairs=50, alpha=0.5)) == 50
    assert n_synthetic(Pairs(n_pairs=50, alpha=1)) == 0


def test_counts_of_real_and_synthetic_pairs(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    pairs = build_pairs(fields, Pairs(n_pairs=4, alpha=0.5), size=32, seed=0, degrade=inverted)
    counted = pairs.table.groupby(["defect", "origin"]).size()
    assert set(counted) == {4}
    assert len(counted) == 2 * len(fields.defects)
    assert pairs.degraded.shape == pairs.clean.shape == (len(pairs.table), 1, 32, 32)


def test_a_real_pair_is_one_place_in_two_images(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    pairs = build_pairs(fields, Pairs(n_pairs=3, alpha=1), size=32, seed=0, degrade=None)
    for i, row in enumerate(pairs.table.itertuples()):
        where = np.s_[row.channel, row.y : row.y + 32, row.x : row.x + 32]
        scale = fields.scales[row.channel]
        assert np.allclose(pairs.clean[i, 0], scale.to_unit(fields.image("clean", row.field_id)[where]))
        assert np.allclose(pairs.degraded[i, 0], scale.to_unit(fields.image(row.defect, row.field_id)[where]))


def test_no_pair_comes_from_a_test_field(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    pairs = build_pairs(fields, Pairs(n_pairs=10, alpha=0.3), size=32, seed=0, degrade=inverted)
    split = fields.table.set_index("field_id")["split"]
    assert set(split[pairs.table["field_id"]]) == {"train"}


def test_a_synthetic_pair_has_a_clean_image_without_that_partner(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    pairs = build_pairs(fields, Pairs(n_pairs=10, alpha=0.5), size=32, seed=0, degrade=inverted)
    synthetic = pairs.table["origin"] == "synthetic"
    assert np.array_equal(pairs.degraded[synthetic], -pairs.clean[synthetic])
    own = fields.table.set_index("field_id")["defect"][pairs.table.loc[synthetic, "field_id"]]
    assert (own.to_numpy() != pairs.table.loc[synthetic, "defect"].to_numpy()).all()


def test_unpaired_uses_no_real_pair(tiny_screen: Path) -> None:
    config = Pairs(setting="unpaired", n_pairs=4, alpha=0.5)
    pairs = build_pairs(Fields(tiny_screen), config, size=32, seed=0, degrade=inverted)
    assert set(pairs.table["origin"]) == {"synthetic"}


def test_no_pairs_at_all_is_an_error(tiny_screen: Path) -> None:
    with pytest.raises(InputError, match="leaves no pairs at all; lower alpha"):
        build_pairs(Fields(tiny_screen), Pairs(setting="unpaired", alpha=1), size=32, seed=0, degrade=None)


def test_a_patch_larger_than_a_field_is_an_error(tiny_screen: Path) -> None:
    with pytest.raises(InputError, match=r"smaller than augment\.patch_size 256; choose a smaller patch"):
        build_pairs(Fields(tiny_screen), Pairs(n_pairs=1, alpha=1), size=256, seed=0, degrade=None)
