"""Maps within single places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from multiscope.report.album import Album
from multiscope.report.inputs import Folder, open_folders
from multiscope.report.place_maps import PlacedProfiles, place_map, placed_profiles
from multiscope.report.standards import places_by
from multiscope.standards.standard import Standard
from tests.report.stages import Tree


def standard(name: str, scale: str, terms: dict[str, list[str]]) -> Standard:
    members = {term: frozenset(proteins) for term, proteins in terms.items()}
    return Standard(name, scale, members, "none (generated)", "unknown", "1", "CC0-1.0", "0" * 64)


def names(numbers: range) -> list[str]:
    return [f"Y{i:03d}" for i in numbers]


@pytest.fixture
def folder(tree: Tree) -> Folder:
    """Four places with 25 proteins each, every fourth protein in the same."""
    return open_folders([tree.embedding(n_proteins=100)])[0]


def test_places_are_those_of_the_labels_or_of_a_standard(folder: Folder) -> None:
    labelled = placed_profiles(folder, None)
    assert labelled is not None and labelled.source == "clean" and labelled.x.shape == (100, 8)
    assert labelled.largest() == ["cytoplasm", "mitochondrion", "nucleus"]
    by = standard("halves", "compartment", {"left": names(range(60)), "right": names(range(55, 79))})
    placed = placed_profiles(folder, places_by(by))
    assert placed is not None
    assert placed.table.set_index("protein")["place"][["Y000", "Y057", "Y070", "Y090"]].tolist() == [
        *("left", "left|right", "right", "")
    ]
    assert placed.largest() == ["left"]


def test_profiles_that_are_not_finite_are_left_out(folder: Folder) -> None:
    table = pd.read_parquet(folder.path / "proteins.parquet")
    table.loc[3, next(name for name in table if name.startswith("emb_"))] = np.nan
    table.to_parquet(folder.path / "proteins.parquet")
    found = placed_profiles(folder, None)
    assert found is not None and "Y003" not in set(found.table["protein"]) and len(found.x) == 99


def test_terms_within_a_place_are_drawn(folder: Folder, tmp_path: Path) -> None:
    album, profiles = Album(tmp_path / "figures"), placed_profiles(folder, None)
    assert profiles is not None
    complexes = {"in cytoplasm": names(range(0, 24, 4)), "few": names(range(28, 36, 4)), "across": names(range(0, 12))}
    coarse = standard("places", "compartment", {"cytoplasm": names(range(0, 100, 4))})
    plot = place_map(album, folder, profiles, [coarse, standard("c", "complex", complexes)], most_members=300)
    assert plot is not None and "cytoplasm (25 proteins)" in plot.caption
    data = pd.read_csv(album.folder / f"{plot.name}.csv").fillna({"term": ""})
    own = data[data["place"] == "cytoplasm"]
    assert set(data["standard"]) == {"c"} and set(data["place"]) == {"cytoplasm", "mitochondrion", "nucleus"}
    assert own.groupby("term")["protein"].apply(list).to_dict() == {
        "in cytoplasm": names(range(0, 24, 4)),
        "across": ["Y000", "Y004", "Y008"],
        "": names(range(24, 100, 4)),
    }


def test_small_places_and_coarse_standards_have_no_map(tree: Tree, folder: Folder, tmp_path: Path) -> None:
    album, profiles = Album(tmp_path / "figures"), placed_profiles(folder, None)
    assert profiles is not None
    few = PlacedProfiles(profiles.x[:40], profiles.table.iloc[:40], "clean")
    finer = standard("c", "complex", {"a": names(range(0, 24, 4))})
    assert place_map(album, folder, few, [finer], most_members=300) is None
    coarse = standard("p", "compartment", {"a": names(range(0, 24, 4))})
    assert place_map(album, folder, profiles, [coarse], most_members=300) is None
