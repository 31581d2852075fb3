"""Nearest neighbours of proteins, and clouds in maps."""

from __future__ import annotations

import sys
from itertools import permutations
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.metrics.pairwise import cosine_similarity

from multiscope import config
from multiscope.report import clouds, maps, neighbours
from multiscope.report.album import Album
from multiscope.report.inputs import Folder, open_folders
from multiscope.report.results import Results
from multiscope.report.standards import Shared
from multiscope.report.term_maps import largest_terms, term_map
from tests.report.stages import STANDARDS, Tree

NOTHING = Shared([], 10)


def folder_of(tree: Tree, **columns: object) -> Folder:
    """An embed folder whose table of profiles is changed."""
    (folder,) = open_folders([tree.embedding()])
    table = pd.read_parquet(folder.path / "proteins.parquet")
    table.assign(**columns).to_parquet(folder.path / "proteins.parquet")
    return folder


def test_neighbours_are_the_most_similar_of_the_clean_source(tree: Tree) -> None:
    folder = folder_of(tree)
    found = neighbours.neighbours(folder, NOTHING)
    table = pd.read_parquet(folder.path / "proteins.parquet").query("Metadata_Source == 'clean'")
    similar = cosine_similarity(table.filter(regex="^emb_"))
    np.fill_diagonal(similar, -2)
    names = table["Metadata_Protein"].to_numpy()
    assert set(found["source"]) == {"clean"} and found["protein"].nunique() == len(names)
    for row, protein in enumerate(names):
        own = found[found["protein"] == protein]
        best = np.argsort(-similar[row])[: neighbours.EACH]
        assert own["neighbour"].tolist() == names[best].tolist()
        assert own["similarity"].to_numpy() == pytest.approx(similar[row, best], abs=1e-6)


def test_what_neighbours_share(tree: Tree, run_config: config.Config) -> None:
    data = tree.data(standards=STANDARDS)
    known = Results(run_config=run_config, data=open_folders([data])).standards
    assert [each.scale for each in known] == ["compartment", "complex"]
    shared = Shared(known, most_members=300)
    assert shared.scales("Y000", "Y004") == ["compartment", "complex"]
    assert shared.scales("Y001", "Y002") == ["complex"]
    assert shared.scales("Y000", "Y001") == shared.scales("Y000", "nobody") == []
    assert Shared(known, most_members=5).scales("Y000", "Y004") == ["complex"]
    found = neighbours.neighbours(folder_of(tree), shared)
    same = found["localization"] == found["neighbour_localization"]
    assert (found["same_compartment"] == same).all()
    assert (found["shared_scales"].str.contains("compartment") == same).all()


def test_places_in_common_and_chance_are_counted_as_pairs(tree: Tree) -> None:
    places = np.resize(["a|b", "b", "", "c", "b|c"], 24).tolist() * 3
    found = neighbours.neighbours(folder_of(tree, Metadata_Localization=places), NOTHING)
    assert (
        found["same_compartment"].isna().equals((found["localization"] == "") | (found["neighbour_localization"] == ""))
    )
    sets = [set(place.split("|")) for place in places[:24] if place]
    chance = np.mean([bool(one & other) for one, other in permutations(sets, 2)])
    assert neighbours.shares(found)[1] == pytest.approx(chance)


def test_profiles_without_direction_have_no_neighbours(tree: Tree) -> None:
    folder = folder_of(tree)
    table = pd.read_parquet(folder.path / "proteins.parquet")
    features = [name for name in table if name.startswith("emb_")]
    table.loc[0, features] = 0.0
    table.loc[1, features[0]] = np.nan
    table.to_parquet(folder.path / "proteins.parquet")
    found = neighbours.neighbours(folder, NOTHING)
    assert not {"Y000", "Y001"} & {*found["protein"], *found["neighbour"]}
    assert found["protein"].nunique() == 22


def test_a_table_of_many_proteins_is_bounded(tree: Tree) -> None:
    (folder,) = open_folders([tree.embedding(n_proteins=450, sources=("clean",))])
    found = neighbours.neighbours(folder, NOTHING)
    assert found["protein"].nunique() == 450
    table = neighbours.neighbour_table(found)
    assert len(table.rows) == neighbours.MOST_PROTEINS
    assert all(len(row) == len(table.headers) for row in table.rows)


def test_a_cloud_holds_half_of_its_density_around_its_mode() -> None:
    points = np.random.default_rng(0).normal((2, -1), (1.0, 0.5), (4000, 2))
    cloud = clouds.Cloud(points, (-4, 8, -5, 3))
    assert cloud.mode == pytest.approx((2, -1), abs=0.25)
    inside = cloud.density >= cloud.level
    assert cloud.density[inside].sum() / cloud.density.sum() == pytest.approx(0.5, abs=0.01)
    # the ellipse with half of a normal distribution has the radius sqrt(2 ln 2)
    area = inside.sum() * (cloud.x[1] - cloud.x[0]) * (cloud.y[1] - cloud.y[0])
    assert area == pytest.approx(np.pi * 2 * np.log(2) * 0.5, rel=0.15)


@pytest.mark.parametrize("points", [np.zeros((4, 2)), np.zeros((9, 2)), np.stack([np.arange(9.0)] * 2, axis=1)])
def test_few_points_and_points_on_a_line_have_no_cloud(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="points"):
        clouds.Cloud(points, (-1, 10, -1, 10))
    axis = Figure().subplots()
    clouds.draw_clouds(axis, {"a": points}, {"a": "red"}, names=True)
    assert not axis.texts


def test_names_do_not_cover_each_other() -> None:
    places: list[tuple[float, float]] = []
    for _ in range(6):
        places.append(clouds.free_place((0.5, 0.5), places, 0.1, 0.03))
    assert places[0] == (0.5, 0.5)
    assert np.diff([y for _, y in places]) == pytest.approx(-0.03)
    assert clouds.free_place((0.7, 0.5), places, 0.1, 0.03) == (0.7, 0.5)


def test_terms_of_a_size_for_a_cloud_are_shown(tree: Tree, tmp_path: Path, run_config: config.Config) -> None:
    data, album = tree.data(standards=STANDARDS), Album(tmp_path / "figures")
    known = Results(run_config=run_config, data=open_folders([data])).standards
    proteins = [f"Y{i:03d}" for i in range(24)]
    assert largest_terms(known[1], proteins, 300) == {"C1": ["Y000", "Y004", "Y008", "Y012", "Y016"]}
    assert largest_terms(known[1], proteins[:16], 300) == {}
    assert largest_terms(known[0], proteins, 5) == {}
    (folder,) = open_folders([tree.embedding(sources=("clean",))])
    located = maps.located(maps.points_of(folder), "t-SNE")
    plot = term_map(album, folder, located, known, most_members=300)
    assert plot is not None
    drawn = pd.read_csv(album.folder / f"{plot.name}.csv")
    assert drawn.groupby("term")["protein"].apply(list).to_dict() == {"C1": ["Y000", "Y004", "Y008", "Y012", "Y016"]}
    assert term_map(album, folder, located, known[:1], most_members=300) is None


def test_umap_is_drawn_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class UMAP:
        def __init__(self, **options: int) -> None:
            self.options = options

        def fit_transform(self, x: np.ndarray) -> np.ndarray:
            assert self.options["n_neighbors"] == min(15, len(x) - 1)
            return x[:, :2]

    module = ModuleType("umap")
    module.UMAP = UMAP  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", module)
    monkeypatch.setattr(maps, "find_spec", lambda name: object())
    assert maps.methods() == ["t-SNE", "UMAP"]
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    found = maps.coordinates(x, "UMAP")
    assert found == pytest.approx((x / x.std(axis=0) - x.mean(axis=0) / x.std(axis=0))[:, :2], abs=1e-5)
    monkeypatch.setattr(maps, "find_spec", lambda name: None)
    assert maps.methods() == ["t-SNE"]
