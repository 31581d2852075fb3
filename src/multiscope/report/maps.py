"""Embedding maps: t-SNE, and UMAP where it is installed, of protein profiles, or of cells where proteins are few."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from multiscope.report.album import GREY, WIDTH, Album, class_style, look, new_figure, short
from multiscope.report.blocks import Plot, plural
from multiscope.report.clouds import FEWEST, draw_clouds
from multiscope.report.inputs import Folder, read_table
from multiscope.stores.tables import read_anndata

FEWEST_PROTEINS = 12
MOST_POINTS = 2000
MOST_CLASSES = 20
_SEVERAL, _UNKNOWN, _OTHER = "several compartments", "unknown", "other"


@dataclass(frozen=True)
class Points:
    """Rows of an embedding: features (n, d), and a table with columns name, protein, compartment, source."""

    x: npt.NDArray[np.float32]
    table: pd.DataFrame
    what: str
    left_out: int = 0


def points_of(folder: Folder) -> Points:
    """Profiles of proteins; cells where a source has fewer than 12 proteins."""
    metadata = ["Metadata_Protein", "Metadata_Symbol", "Metadata_Localization", "Metadata_Source"]
    table = read_table(folder.path / "proteins.parquet", metadata)
    if table.groupby("Metadata_Source").size().max() < FEWEST_PROTEINS or table.empty:
        return _cells(folder)
    features = [name for name in table.columns if name.startswith("emb_")]
    symbol = table["Metadata_Symbol"].fillna("").astype(str)
    named = pd.DataFrame(
        {
            "name": symbol.where(symbol != "", table["Metadata_Protein"].astype(str)),
            "protein": table["Metadata_Protein"].astype(str),
            "compartment": table["Metadata_Localization"],
            "source": table["Metadata_Source"].astype(str),
        }
    )
    return _classed(table[features].to_numpy(np.float32), named, "protein")


def _cells(folder: Folder) -> Points:
    cells = read_anndata(folder.path / "cells.zarr")
    obs = cells.obs.reset_index(drop=True)
    named = pd.DataFrame(
        {
            "name": obs["cell_id"].astype(str),
            "protein": obs["protein"].astype(str),
            "compartment": obs["localization"].astype(object),
            "source": obs["source"].astype(str),
        }
    )
    test = (
        np.flatnonzero((obs["split"] == "test").to_numpy()) if (obs["split"] == "test").any() else np.arange(len(obs))
    )
    chosen, generator = [], np.random.default_rng(0)
    for _, rows in pd.Series(test).groupby(named["source"].to_numpy()[test]):
        n = min(len(rows), MOST_POINTS)
        chosen.append(np.sort(generator.choice(rows.to_numpy(), n, replace=False)))
    index = np.sort(np.concatenate(chosen)) if chosen else np.arange(0)
    x = np.asarray(cells.X, dtype=np.float32)[index]
    points = _classed(x, named.iloc[index].reset_index(drop=True), "cell")
    return Points(points.x, points.table, points.what, len(test) - len(index))


def _classed(x: npt.NDArray[np.float32], table: pd.DataFrame, what: str) -> Points:
    names = table["compartment"].fillna("").astype(str)
    names = names.where(~names.str.contains("|", regex=False), _SEVERAL).where(names != "", _UNKNOWN)
    kept = set(names.value_counts().index[:MOST_CLASSES])
    table = table.assign(compartment=names.where(names.isin(kept), _OTHER))
    finite = np.flatnonzero(np.isfinite(x).all(axis=1))
    return Points(x[finite], table.iloc[finite].reset_index(drop=True), what)


def methods() -> list[str]:
    """Ways to draw a map; UMAP is not among what this package needs, and is used where it is there."""
    return ["t-SNE", *(["UMAP"] if find_spec("umap") else [])]


def coordinates(x: npt.NDArray[np.float32], method: str = "t-SNE") -> npt.NDArray[np.float64]:
    """Standardised features (n, d) brought to (n, 2), with a fixed seed.

    t-SNE (van der Maaten and Hinton 2008): the perplexity is 30, or a third of the points where they are few. UMAP
    (McInnes et al. 2018) with 15 neighbours, or all others. Fewer than 4 points stand in a row.
    """
    n = len(x)
    if n < 4:
        return np.stack([np.arange(n, dtype=float), np.zeros(n)], axis=1)
    spread = x.std(axis=0)
    standard = (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    if standard.shape[1] < 2:
        standard = np.pad(standard, ((0, 0), (0, 2 - standard.shape[1])))
    # one thread: threads that wait for each other on shared cores take minutes for what takes a second
    with threadpool_limits(1):
        found = _umap(standard) if method == "UMAP" else _tsne(standard)
    return np.asarray(found, dtype=np.float64)


def _tsne(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    start = x[:, :2] * 1e-4 if not x.any() else "pca"
    tsne = TSNE(2, perplexity=min(30.0, (len(x) - 1) / 3), init=start, random_state=0, n_jobs=1)
    found: npt.NDArray[np.float32] = tsne.fit_transform(x)
    return found


def _umap(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from umap import UMAP  # type: ignore[import-not-found, unused-ignore]

    found: npt.NDArray[np.float32] = UMAP(n_neighbors=min(15, len(x) - 1), random_state=0, n_jobs=1).fit_transform(x)
    return found


def located(points: Points, method: str) -> pd.DataFrame:
    """The table with columns x and y: the place of each row in the map of its source."""
    data = points.table.assign(x=0.0, y=0.0)
    for source in data["source"].unique():
        rows = (data["source"] == source).to_numpy()
        data.loc[rows, ["x", "y"]] = coordinates(points.x[rows], method)
    return data


def embedding_map(album: Album, folder: Folder, points: Points, data: pd.DataFrame, method: str = "t-SNE") -> Plot:
    """One panel a source, every panel a map of its own, with a cloud for each compartment; `data` of `located`."""
    sources = sorted(data["source"].unique(), key=source_order)
    styles = class_style(sorted(set(data["compartment"]) - {_SEVERAL, _UNKNOWN, _OTHER}))
    clouded = {name: colour for name, (colour, _) in styles.items()}
    styles |= {name: (GREY, "o") for name in (_SEVERAL, _UNKNOWN, _OTHER)}
    columns = min(3, len(sources))
    lines = -(-len(sources) // columns)
    panel = WIDTH / max(columns, 2)
    with look():
        n_classes = data["compartment"].nunique()
        figure = new_figure(panel * columns, panel * 0.95 * lines + 0.28 * -(-n_classes // (2 * columns)) + 0.2)
        axes = figure.subplots(lines, columns, squeeze=False)
        for axis, source in zip(axes.flat, sources, strict=False):
            part = data[data["source"] == source]
            for name, members in part.groupby("compartment"):
                colour, marker = styles[str(name)]
                size = 26 if len(part) < 300 else 9
                axis.scatter(members["x"], members["y"], s=size, c=colour, marker=marker, alpha=0.85, linewidths=0.3,
                             edgecolors="white", label=short(str(name), 24))  # fmt: skip
            own = {name: part.loc[part["compartment"] == name, ["x", "y"]].to_numpy() for name in clouded}
            draw_clouds(axis, {name: xy for name, xy in own.items() if len(xy)}, clouded, names=len(clouded) <= 12)
            axis.set_title(f"{short(source, 30)}: {plural(len(part), points.what)}", fontsize=10)
            axis.set(xticks=[], yticks=[], xlabel=f"{method} 1", ylabel=f"{method} 2")
            axis.margins(0.06)
        for axis in list(axes.flat)[len(sources) :]:
            axis.set_visible(False)
        handles = {
            label: dot for axis in axes.flat for dot, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2 * columns, markerscale=1.3)
        name = "map" if method == "t-SNE" else method.lower()
        return album.add(f"{name}_{folder.name}", figure, data, **_words(folder, points, sources, method))


def source_order(source: str) -> tuple[int, str]:
    """Clean, degraded, then restored by name."""
    return ({"clean": 0, "degraded": 1}.get(source, 2), source)


def _words(folder: Folder, points: Points, sources: list[str], method: str) -> dict[str, str]:
    seed = "" if folder.seed is None else f", seed {folder.seed}"
    few = (
        f" There are fewer than {FEWEST_PROTEINS} proteins, so every point is a cell." if points.what == "cell" else ""
    )
    drawn = f" {points.left_out:,} more cells are not drawn." if points.left_out else ""
    return {
        "title": f"{folder.name}{seed}: {method}",
        "alt": f"{method} maps of {folder.name} embeddings for {', '.join(sources)}, coloured by compartment.",
        "caption": (
            f"Every point is one {points.what}, each once a source.{few}{drawn} Contours: half of the density of a "
            f"compartment's points (Gaussian kernels), where there are {FEWEST} or more; its name stands where it is "
            "highest."
        ),
    }
