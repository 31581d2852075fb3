"""Proteins of a screen: their places, what is said of them, and that a growing screen keeps those it had."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.config import Screen
from multiscope.simulate.biology import LEVELS
from multiscope.simulate.factors import NAMES
from multiscope.simulate.screen.proteins import SCALES, Protein, in_part, proteins, standards, table, truth
from tests.simulate.drawn import crops_config, refusal, screen

FAULTY = {"multi_localized": 0.25, "wrong": 0.125, "unlabelled": 0.25}
FOUR = ["nucleus", "er", "vacuole", "golgi"]


def small(**values: Any) -> Screen:
    """Four compartments of two processes of one complex of two: 16 proteins."""
    sizes = {"processes_per_compartment": 2, "pathways_per_process": 1, "complexes_per_pathway": 1}
    return screen(compartments=FOUR, **{**sizes, "proteins_per_complex": 2, **values})


def mates(made: list[Protein]) -> list[tuple[object, ...]]:
    return [(protein.place, protein.compartments, protein.label) for protein in made]


def test_the_table_names_every_protein_once_in_its_place() -> None:
    made = table(proteins(screen()))
    assert list(made.columns) == ["protein", "symbol", "compartment", "process", "pathway", "complex", "label"]
    assert len(made) == 6 * 2 * 2 * 2 * 2 == screen().n_proteins
    assert made["protein"].is_unique and made["symbol"].is_unique
    assert made.iloc[0].tolist() == ["VP001", "NUC1A1a", "nucleus", "NUC1", "NUC1A", "NUC1A1", "nucleus"]
    for fine, coarse in zip(SCALES[1:], SCALES[:-1], strict=True):
        assert (made.groupby(fine)[coarse].nunique() == 1).all()
        assert (made.groupby(coarse)[fine].nunique() == 2).all()
    assert (made["label"] == made["compartment"]).all()


def test_names_have_as_many_digits_as_are_needed() -> None:
    large = screen(proteins_per_complex=20, complexes_per_pathway=10, pathways_per_process=1)
    made = [protein.name for protein in proteins(large)]
    assert len(made) == 2400 and made[0] == "VP0001" and made[-1] == "VP2400"
    assert sorted(made) == made


def test_crops_and_fields_have_the_same_proteins() -> None:
    assert proteins(crops_config(seed=3)) == proteins(screen(seed=4))


def test_standards_hold_each_protein_once_a_scale() -> None:
    made = proteins(screen())
    terms, named = standards(made), table(made)
    assert {scale: len(members) for scale, members in terms.items()} == {
        "compartment": 6, "process": 12, "pathway": 24, "complex": 48,
    }  # fmt: skip
    for scale, members in terms.items():
        assert sorted(name for term in members.values() for name in term) == named["protein"].tolist()
        for term, names in members.items():
            assert named[named[scale] == term]["protein"].tolist() == names


def test_a_protein_in_two_compartments_is_in_the_standard_of_both() -> None:
    made = proteins(small(labels={"multi_localized": 0.5}))
    terms = standards(made)
    for protein in made:
        where = {name for name, members in terms["compartment"].items() if protein.name in members}
        assert where == set(protein.compartments)
        for scale in ("process", "pathway", "complex"):
            assert sum(protein.name in members for members in terms[scale].values()) == 1
    assert sum(map(len, terms["compartment"].values())) == 16 + 8


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_stated_share_of_proteins_is_in_two_compartments(share: float) -> None:
    made = proteins(small(labels={"multi_localized": share}))
    both = [protein for protein in made if len(protein.compartments) == 2]
    assert len(both) == round(share * 16)
    for protein in both:
        first, second = protein.compartments
        assert first == protein.place.compartment != second and second in FOUR
        assert protein.label == f"{first}|{second}"
    if share == 1:
        assert len({protein.compartments[1] for protein in both}) > 1


@given(wrong=st.integers(0, 8), unlabelled=st.integers(0, 8), multi=st.integers(0, 16), seed=st.integers(0, 50))
def test_faults_of_labels_are_exact_counts(wrong: int, unlabelled: int, multi: int, seed: int) -> None:
    labels = {"wrong": wrong / 16, "unlabelled": unlabelled / 16, "multi_localized": multi / 16}
    made = proteins(small(labels=labels, effects={"seed": seed}))
    true = ["|".join(protein.compartments) for protein in made]
    silent = [protein for protein in made if not protein.label]
    false = [p for p, where in zip(made, true, strict=True) if p.label and p.label != where]
    assert len(silent) == unlabelled and len(false) == wrong
    assert sum(len(protein.compartments) == 2 for protein in made) == multi
    for protein in false:
        assert protein.label in FOUR and protein.label not in protein.compartments


def test_a_wrong_label_of_one_of_two_compartments_names_a_place_it_is_in_only_where_no_other_is_left() -> None:
    two = screen(compartments=["nucleus", "er"], labels={"wrong": 1.0})
    assert all(protein.label != protein.compartments[0] for protein in proteins(two))
    both = proteins(screen(compartments=["nucleus", "er"], labels={"wrong": 1.0, "multi_localized": 1.0}))
    assert all(protein.label == protein.compartments[1] for protein in both)


def test_faults_grow_with_their_share_and_keep_those_there_were() -> None:
    def faulty(share: float) -> set[str]:
        made = proteins(screen(labels={"unlabelled": share}))
        return {protein.name for protein in made if not protein.label}

    assert faulty(0.1) < faulty(0.3) < faulty(0.8)
    first, second = (
        {p.name: p.compartments for p in proteins(screen(labels={"multi_localized": share})) if len(p.compartments) > 1}
        for share in (0.2, 0.6)
    )
    assert first.items() <= second.items()


@pytest.mark.parametrize("labels", [{"wrong": 0.7, "unlabelled": 0.4}, {"wrong": -0.1}, {"multi_localized": 1.1}])
def test_shares_that_cannot_be_are_refused_in_one_line(labels: dict[str, float]) -> None:
    assert "labels" in refusal(reader="virtual_screen", labels=labels)


def test_faults_do_not_touch_the_truth() -> None:
    plain, faulty = (truth(small(labels=labels)) for labels in ({}, {**FAULTY, "multi_localized": 0.0, "weak": 0.5}))
    pd.testing.assert_frame_equal(plain.drop(columns="label"), faulty.drop(columns="label"))
    assert (plain["label"] != faulty["label"]).sum() == 2 + 4


def test_the_truth_says_what_was_planted_at_every_level() -> None:
    made = truth(small(effects={"pathway": 0.0}))
    assert made.columns[-len(LEVELS) * len(NAMES) :].tolist() == [
        f"{level}:{name}" for level in LEVELS for name in NAMES
    ]
    assert (made.filter(like="pathway:") == 0).all(axis=None)
    for level in ("process", "complex"):
        assert (made.filter(like=f"{level}:").groupby(made[level]).nunique() == 1).all(axis=None)
    assert made["protein:size"].is_unique and made["process:size"].nunique() == 8


def test_another_seed_keeps_the_proteins_and_their_truth() -> None:
    labels = {**FAULTY, "weak": 0.1}
    for make in (small, lambda **values: crops_config(compartments=FOUR, **values)):
        first, second = (make(seed=seed, labels=labels) for seed in (0, 1))
        assert proteins(first) == proteins(second)
        pd.testing.assert_frame_equal(truth(first), truth(second))


def test_another_seed_of_the_effects_changes_shifts_and_not_names() -> None:
    first, second = (truth(small(effects={"seed": seed})) for seed in (0, 1))
    named = ["protein", "symbol", "compartment", "process", "pathway", "complex", "label"]
    pd.testing.assert_frame_equal(first[named], second[named])
    planted = [name for name in first if name not in named]
    assert (first[planted] != second[planted]).all(axis=None)


def test_a_screen_that_grows_keeps_the_proteins_it_had() -> None:
    before = truth(small()).set_index("symbol")
    for larger in (
        small(proteins_per_complex=3),
        small(complexes_per_pathway=3, pathways_per_process=2),
        small(processes_per_compartment=5),
        screen(compartments=["punctate", *reversed(FOUR), "actin"], pathways_per_process=1),
        small(fields_per_protein=9, cells_per_field=3, field_size=128, replicates=3),
    ):
        after = truth(larger).set_index("symbol")
        columns = [name for name in before if name not in ("protein", "label")]
        pd.testing.assert_frame_equal(after.loc[before.index, columns], before[columns])


def test_a_screen_that_grows_keeps_the_second_compartments_it_had() -> None:
    multi = {"multi_localized": 1.0}
    before = {protein.place: protein.compartments for protein in proteins(small(labels=multi))}
    after = {p.place: p.compartments for p in proteins(small(labels=multi, proteins_per_complex=4))}
    assert before.items() <= after.items()


@pytest.mark.parametrize("of", [1, 3, 4, 16])
def test_parts_are_all_of_the_proteins_once(of: int) -> None:
    whole = proteins(small(labels=FAULTY))
    parts = [in_part(small(labels=FAULTY, part=f"{number + 1}/{of}")) for number in range(of)]
    assert [protein for part in parts for protein in part] == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("part", ["0/4", "5/4", "1/17", "a", "1/", "1/0"])
def test_a_part_that_does_not_exist_is_refused_in_one_line(part: str) -> None:
    sizes = {"processes_per_compartment": 2, "pathways_per_process": 1, "complexes_per_pathway": 1}
    section = {"reader": "virtual_crops", "compartments": FOUR, "proteins_per_complex": 2, **sizes}
    assert "part" in refusal(**section, part=part)


def test_wells_are_unique_on_as_many_plates_as_are_needed() -> None:
    many = proteins(screen(proteins_per_complex=20, complexes_per_pathway=5, pathways_per_process=1))
    assert len(many) == 1200
    wells = [protein.well(0, 1) for protein in many]
    assert len(set(wells)) == 1200
    assert Counter(plate for plate, _ in wells) == {"P1": 384, "P2": 384, "P3": 384, "P4": 48}
    assert wells[0] == ("P1", "A01") and wells[23] == ("P1", "A24")
    assert wells[383] == ("P1", "P24") and wells[384] == ("P2", "A01")
    assert {well[0] for _, well in wells} == set("ABCDEFGHIJKLMNOP")


def test_replicates_are_the_same_well_of_other_plates() -> None:
    made = proteins(screen())
    for protein in made[::20]:
        places = [protein.well(replicate, 3) for replicate in range(3)]
        assert [plate for plate, _ in places] == ["P1R1", "P1R2", "P1R3"]
        assert len({well for _, well in places}) == 1
    assert len({protein.well(replicate, 3) for protein in made for replicate in range(3)}) == 3 * len(made)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"compartments": ["er", "er"]}, "each compartment may stand once"),
        ({"compartments": ["er"]}, "compartments"),
        ({"compartments": ["er", "cilium"]}, "compartments"),
        ({"effects": {"process": 11}}, "effects.process"),
        ({"processes_per_compartment": 0}, "processes_per_compartment"),
        ({"complexes_per_process": 2}, "complexes_per_process"),
    ],
)
def test_a_biology_that_cannot_be_is_refused_in_one_line(values: dict[str, Any], said: str) -> None:
    for reader in ("virtual_screen", "virtual_crops"):
        assert said in refusal(reader=reader, **values)


def test_the_order_of_compartments_is_that_of_the_proteins() -> None:
    made = proteins(small())
    assert [protein.place.compartment for protein in made] == list(np.repeat(FOUR, 4))
    assert [protein.row for protein in made] == list(range(16))
    assert len(set(mates(made))) == 16
