"""Made well, made badly, and copied: the scores of synthetic patches tell them apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from multiscope.augment.fidelity import FIDELITY_COLUMNS, fidelity
from multiscope.augment.pairs import PairSet, build_pairs
from multiscope.config import Pairs
from multiscope.data.patches import Fields
from multiscope.nn.content import SmallContent
from multiscope.training.device import make_fabric

SIZE = 32


@pytest.fixture(scope="module")
def fields(tiny_screen: Path) -> Fields:
    return Fields(tiny_screen)


@pytest.fixture(scope="module")
def judged(fields: Fields) -> Callable[[PairSet], pd.DataFrame]:
    torch.manual_seed(0)
    network = SmallContent(4).freeze()
    fabric = make_fabric("cpu", threads=2)
    return lambda pairs: fidelity(fields, pairs, network, size=SIZE, seed=0, fabric=fabric).set_index(
        ["defect", "what"]
    )


def of(fields: Fields, **keys: object) -> PairSet:
    config = Pairs(n_pairs=1, n_synthetic=48, augmentation="physics", strengths=(1, 1), **keys)
    return build_pairs(fields, config, size=SIZE, seed=0, degrade=None)


def test_patches_made_by_the_true_model_are_nearer_than_clean_ones(
    fields: Fields, judged: Callable[[PairSet], pd.DataFrame]
) -> None:
    found = judged(of(fields))
    assert list(found.reset_index().columns) == FIDELITY_COLUMNS
    for defect in ("blur", "axial"):
        row = found.loc[(defect, "physics")]
        assert row["kid"] < 0.5 * found.loc[(defect, "clean"), "kid"]
        assert row["ci_low"] <= row["kid"] <= row["ci_high"]


def test_new_patches_are_no_copies_and_copies_are(fields: Fields, judged: Callable[[PairSet], pd.DataFrame]) -> None:
    new = judged(of(fields)).loc[("noise", "physics")]
    assert new["copies"] < 0.5
    assert new["nearest"] > 0.5
    real = build_pairs(fields, Pairs(n_pairs="all", alpha=1), size=SIZE, seed=0, degrade=None)
    copied = judged(PairSet(real.degraded, real.clean, real.table.assign(origin="cin_gan")))
    assert copied.loc[("noise", "cin_gan"), "nearest"] == pytest.approx(0, abs=1e-3)
    assert copied.loc[("noise", "cin_gan"), "copies"] == 1


def test_nothing_is_said_where_nothing_is_synthetic(fields: Fields, judged: Callable[[PairSet], pd.DataFrame]) -> None:
    real = build_pairs(fields, Pairs(n_pairs=2, alpha=1), size=SIZE, seed=0, degrade=None)
    assert judged(real).empty


def test_all_is_finite(fields: Fields, judged: Callable[[PairSet], pd.DataFrame]) -> None:
    found = judged(of(fields))
    assert set(found.index.get_level_values("what")) <= {"physics", "clean", "real"}
    assert np.isfinite(found.loc[found.index.get_level_values("what") != "real"].to_numpy()).all()
