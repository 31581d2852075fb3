"""Comparisons: the same proteins for all, paired differences, controls, places, circular standards, any process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiscope.config import Evaluate
from multiscope.errors import InputError
from multiscope.evaluate.comparison import Comparison, compare
from multiscope.evaluate.profiles import Profiles
from multiscope.standards.standard import Standard

NAMES = [f"p{i:02d}" for i in range(48)]
PLACE = {name: f"place{i // 12}" for i, name in enumerate(NAMES)}
SETTINGS: dict[str, Any] = {"n_bootstrap": 100, "clusters": {"cuts": 20, "module_sets": 3}, "null_size": 200}


def standard(name: str, scale: str, size: int, **facts: Any) -> Standard:
    """Terms of `size` neighbours in the list of names."""
    terms = {f"{name}{k}": frozenset(NAMES[k : k + size]) for k in range(0, len(NAMES), size)}
    return Standard(name, scale, terms, "559292", "name", "2024", "CC0", "", **facts)


COMPARTMENT, COMPLEX = standard("where", "compartment", 12), standard("complexes", "complex", 3)


def profiles(encoder: str, knows: float, *, seed: int = 0, **facts: Any) -> Profiles:
    """Profiles of complexes within places, with noise."""
    rng = np.random.default_rng(seed)
    x = 2 * np.repeat(np.eye(20)[:4], 12, axis=0) + knows * np.repeat(np.eye(20)[4:], 3, axis=0)
    x = x + 0.5 * rng.normal(size=x.shape)
    return Profiles(Path(encoder), "clean", encoder, "d2", 1, seed, x, list(NAMES), **facts)


def run(tables: list[Profiles], standards: tuple[Standard, ...] = (COMPARTMENT, COMPLEX), **changes: Any) -> Comparison:
    return compare(tables, standards, Evaluate(**{**SETTINGS, **changes}))


def table(found: Comparison) -> pd.DataFrame:
    return pd.DataFrame([row for scored in found.scored for row in scored.rows()])


@pytest.fixture(scope="module")
def found() -> Comparison:
    return run([profiles("good", 1.5, places=PLACE), profiles("poor", 0.0, seed=1, places=PLACE)])


def test_every_score_of_every_table_and_control_against_every_standard(found: Comparison) -> None:
    scores = table(found)
    metrics = {"ap", "ami", "ami_best", "f", "map", "recall_5", "recall_10"}
    assert set(scores.query("standard == 'where'")["metric"]) == metrics
    assert set(scores.query("standard == 'complexes'")["metric"]) == metrics | {"ap_within"}
    assert set(scores["encoder"]) == {"good", "poor", "shuffled", "places"}
    assert len(scores) == 4 * (2 * len(metrics) + 1)
    assert (scores["ci_low"] <= scores["value"] + 1e-9).all() and (scores["value"] <= scores["ci_high"] + 1e-9).all()
    ap = scores.query("metric == 'ap'").set_index(["encoder", "standard"])
    assert scores.query("metric == 'ami_best'")["over_chance"].isna().all()
    assert ap["over_chance"].to_numpy() == pytest.approx((ap["value"] / ap["chance"]).to_numpy())
    assert ap.loc[("places", "where"), "value"] == 1
    assert ap.loc[("good", "complexes"), "value"] > 2 * ap.loc[("poor", "complexes"), "value"]
    assert ap.loc[("shuffled", "complexes"), "value"] < 2.5 * ap.loc[("shuffled", "complexes"), "chance"]


def test_knowing_places_alone_is_at_chance_within_them(found: Comparison) -> None:
    within = table(found).query("metric == 'ap_within'").set_index("encoder")
    assert found.places_from == "labels"
    assert within.loc["places", "value"] == pytest.approx(12 / 66)  # all alike in a place: the share of related pairs
    assert within.loc["good", "ci_low"] > 1.5 * within.loc["good", "chance"]
    assert within.loc["poor", "ci_low"] < 1.5 * within.loc["poor", "chance"]


def test_differences_are_paired_and_leave_zero_out_where_one_is_better(found: Comparison) -> None:
    rows = pd.DataFrame(found.differences)
    assert set(rows["metric"]) == set(table(found)["metric"])
    one = rows.query("standard == 'complexes' and metric == 'ap' and encoder_a == 'good' and encoder_b == 'poor'").iloc[
        0
    ]
    ap = table(found).query("standard == 'complexes' and metric == 'ap'").set_index("encoder")["value"]
    assert one["difference"] == pytest.approx(ap["good"] - ap["poor"])
    assert 0 < one["ci_low"] < one["difference"] < one["ci_high"]


def test_a_table_does_not_differ_from_itself() -> None:
    same = run([profiles("a", 1.0), replace(profiles("a", 1.0), encoder="b")], controls=False)
    rows = pd.DataFrame(same.differences)
    assert (rows["difference"] == 0).all()
    clusters = rows["metric"].isin(["ami", "ami_best"])
    assert (rows.loc[~clusters, ["ci_low", "ci_high"]] == 0).all().all()
    # module sets may all be the same, so that the smallest difference would look certain
    assert rows.loc[clusters, ["ci_low", "ci_high"]].isna().all().all()


def test_seeds_are_averaged_and_sources_of_one_encoder_compared() -> None:
    tables = [profiles("a", 1.0, seed=seed) for seed in (0, 1)]
    tables += [replace(profiles("a", 0.3, seed=seed + 5), source="degraded", seed=seed) for seed in (0, 1)]
    tables += [replace(profiles("b", 0.3, seed=9), source="degraded", seed=0)]
    found = run(tables, (COMPLEX,), scores=["ap"], controls=False)
    rows = pd.DataFrame(found.differences)
    assert [tuple(row) for row in rows[["source_a", "encoder_a", "source_b", "encoder_b"]].to_numpy()] == [
        ("clean", "a", "degraded", "a"),
        ("degraded", "a", "degraded", "b"),
    ]
    values = table(found).query("encoder == 'a'").groupby("source")["value"].mean()
    assert rows["difference"].iloc[0] == pytest.approx(values["clean"] - values["degraded"])
    assert rows["n_seeds_a"].tolist() == [2, 2] and rows["n_seeds_b"].tolist() == [2, 1]


def test_only_proteins_of_every_table_count() -> None:
    fewer = profiles("few", 1.0)
    fewer = replace(fewer, x=fewer.x[:36], proteins=fewer.proteins[:36])
    found = run([profiles("all", 1.0), fewer], (COMPLEX,), scores=["ap"])
    assert found.proteins == NAMES[:36]
    assert (table(found)["n_proteins"] == 36).all()
    with pytest.raises(InputError, match="no protein is in all of the 2 profile tables"):
        run([profiles("all", 1.0), replace(fewer, proteins=[f"q{i}" for i in range(36)])])


def test_places_come_from_the_labels_or_from_a_standard() -> None:
    plain = [profiles("a", 1.0)]
    assert run(plain, scores=["ap"]).places_from == "where"
    assert run(plain, (COMPLEX,), scores=["ap"]).places_from == ""
    assert run(plain, places="complexes", scores=["ap"]).places_from == "complexes"
    with pytest.raises(InputError, match=r"evaluate\.places is 'no', .*; expected one of where, complexes"):
        run(plain, places="no")


def test_circular_standards_are_said(found: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    assert found.circular == {"where": "the labels alone reach an AP of 1.00"}
    seen = standard("seen", "complex", 3, evidence="fluorescence images")
    assert run([profiles("a", 1.0)], (seen,), scores=["ap"]).circular == {
        "seen": "its evidence is 'fluorescence images'"
    }
    assert "standard 'seen' is circular for encoders that learned from labels" in capsys.readouterr().err


def test_processes_change_nothing(found: Comparison) -> None:
    tables = [profiles("good", 1.5, places=PLACE), profiles("poor", 0.0, seed=1, places=PLACE)]
    again = compare(tables, (COMPARTMENT, COMPLEX), Evaluate(**SETTINGS), threads=2)
    pd.testing.assert_frame_equal(table(again), table(found))
    pd.testing.assert_frame_equal(pd.DataFrame(again.differences), pd.DataFrame(found.differences))


def test_a_standard_of_pairs_has_no_modules() -> None:
    terms = {f"{a}|{b}": frozenset((a, b)) for a, b in zip(NAMES[::3], NAMES[1::3], strict=True)}
    pairs = Standard("pairs", "complex", terms, "559292", "name", "2024", "CC0", "", pairs=True)
    metrics = set(table(run([profiles("a", 1.5)], (pairs,)))["metric"])
    assert metrics == {"ap", "f", "recall_5", "recall_10"}


@pytest.mark.parametrize("similarity", ["pearson", "spearman", "euclidean"])
def test_every_similarity_goes_with_the_controls(similarity: str) -> None:
    tables = [profiles("a", 1.5, places=PLACE)]
    found = run(tables, similarity=similarity, scores=["ap", "ap_within", "map", "recall"])
    scores = table(found).query("encoder == 'a' and standard == 'complexes'").set_index("metric")
    assert set(scores.index) == {"ap", "ap_within", "map", "recall_5", "recall_10"}
    assert scores.loc["ap", "value"] > 3 * scores.loc["ap", "chance"]
    assert found.left_out == {}


def test_a_standard_that_allows_no_score_does_not_end_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    all_of_one = replace(COMPLEX, name="one", terms={"t": frozenset(NAMES[:5])})
    found = run([profiles("a", 1.5)], (all_of_one, COMPLEX), scores=["ap"])
    assert set(table(found)["standard"]) == {"complexes"}
    (reason,) = found.left_out["one"].values()
    assert "all of the 10 pairs of 5 profiled proteins share a term" in reason
    assert "a score is left out: standard 'one'" in capsys.readouterr().err
    with pytest.raises(InputError, match="all of the 10 pairs"):
        run([profiles("a", 1.5)], (all_of_one,), scores=["ap"])


def test_a_swept_table_without_all_proteins_costs_the_others_nothing() -> None:
    early = profiles("a", 0.1)
    early = replace(early, epoch=0, swept=True, x=early.x[:40], proteins=early.proteins[:40])
    found = run([profiles("a", 1.5), early], (COMPLEX,), scores=["ap"])
    assert found.proteins == NAMES and found.without == ["a/d2/epoch0/seed0/clean"]


def test_profiles_of_noise_are_not_above_chance_within_places() -> None:
    """Small places: the bootstrap alone would put most intervals above chance."""
    names = [f"q{i:03d}" for i in range(120)]
    terms = {f"t{k}": frozenset(names[k : k + 2]) for k in range(0, 120, 2)}
    pairs = Standard("twos", "complex", terms, "559292", "name", "2024", "CC0", "")
    places, above = {name: f"place{i // 8}" for i, name in enumerate(names)}, 0
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(120, 6))
        noise = Profiles(Path("n"), "clean", "noise", "d2", 1, 0, x, names, places)
        found = compare([noise], [pairs], Evaluate(n_bootstrap=60, scores=["ap_within"], controls=False))
        above += int((table(found)["ci_low"] > table(found)["chance"]).sum())
    assert above <= 2
