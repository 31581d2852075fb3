"""Maps of the proteins of one place only, with finer terms: what is told apart inside a compartment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from multiscope.report.album import COLOURS, WIDTH, Album, ends, look, new_figure, short
from multiscope.report.blocks import Plot, plural
from multiscope.report.clouds import draw_clouds
from multiscope.report.inputs import Folder, read_table
from multiscope.report.maps import coordinates, source_order
from multiscope.report.term_maps import largest_terms
from multiscope.standards.standard import Standard

FEWEST_PROTEINS = 20
"""Of a place that is drawn."""
FEWEST_MEMBERS = 3
"""Proteins of a term in a place; a cloud needs more of them."""
MOST_PLACES, MOST_STANDARDS = 3, 3
_METADATA = ["Metadata_Protein", "Metadata_Localization", "Metadata_Source"]
_Terms = dict[str, list[str]]


@dataclass(frozen=True)
class PlacedProfiles:
    """Profiles (n, d) of one source, and a table of their proteins with columns protein and place."""

    x: npt.NDArray[np.float32]
    table: pd.DataFrame
    source: str

    def largest(self) -> list[str]:
        """The largest places with enough proteins for a map."""
        sizes = self.table.loc[self.table["place"] != "", "place"].value_counts()
        names = sorted(sizes.index, key=lambda name: (-int(sizes[name]), name))
        return [name for name in names if sizes[name] >= FEWEST_PROTEINS][:MOST_PLACES]


def placed_profiles(folder: Folder, places: Mapping[str, str] | None) -> PlacedProfiles | None:
    """Profiles of the clean source, or the first there is, of proteins with `places`, or with labels where None."""
    table = read_table(folder.path / "proteins.parquet", _METADATA)
    if table.empty:
        return None
    source = min(table["Metadata_Source"].astype(str).unique(), key=source_order)
    table = table[table["Metadata_Source"].astype(str) == source]
    x = table[[name for name in table if str(name).startswith("emb_")]].to_numpy(np.float32)
    finite = np.isfinite(x).all(axis=1)
    protein = table["Metadata_Protein"].astype(str)
    place = table["Metadata_Localization"].fillna("").astype(str) if places is None else protein.map(places).fillna("")
    named = pd.DataFrame({"protein": protein, "place": place})[finite].reset_index(drop=True)
    return PlacedProfiles(x[finite], named, source)


def place_map(
    album: Album, folder: Folder, profiles: PlacedProfiles, standards: Sequence[Standard], *, most_members: int,
    method: str = "t-SNE",
) -> Plot | None:  # fmt: skip
    """A line a place, a panel a standard that has terms in one of them; None where no place is large enough."""
    places = profiles.largest()
    members = {place: profiles.table.loc[profiles.table["place"] == place, "protein"].tolist() for place in places}
    terms = {
        (place, each.name): largest_terms(each, proteins, most_members, fewest=FEWEST_MEMBERS)
        for place, proteins in members.items()
        for each in standards
    }
    finer = [each for each in standards if each.scale != "compartment"]
    finer = [each for each in finer if any(terms[place, each.name] for place in places)][-MOST_STANDARDS:]
    places = [place for place in places if any(terms[place, each.name] for each in finer)]
    if not places:
        return None
    with look():
        figure = new_figure(WIDTH / max(2, len(finer)) * len(finer), 4.6 * len(places), gap=0.04)
        axes = figure.subplots(len(places), len(finer), squeeze=False)
        drawn = []
        for line, place in zip(axes, places, strict=True):
            located = _located(profiles, place, method)
            for axis, each in zip(line, finer, strict=True):
                own = dict(list(terms[place, each.name].items())[: len(COLOURS)])
                _panel(axis, located, own)
                axis.set_title(f"{short(place, 24)}, {each.scale} ({short(each.name, 18)})", fontsize=9.5)
                axis.set(xlabel=f"{method} 1", ylabel=f"{method} 2")
                drawn.append(_rows(located, own, place, each))
        name = "places" if method == "t-SNE" else f"places_{method.lower()}"
        words = _words(folder, profiles, {place: len(members[place]) for place in places}, method)
        return album.add(f"{name}_{folder.name}", figure, pd.concat(drawn, ignore_index=True), **words)


def _located(profiles: PlacedProfiles, place: str, method: str) -> pd.DataFrame:
    """X and y of the proteins of a place, in a map of their own."""
    own = (profiles.table["place"] == place).to_numpy()
    xy = coordinates(profiles.x[own], method)
    return pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1]}, index=pd.Index(profiles.table.loc[own, "protein"]))


def _panel(axis: Axes, located: pd.DataFrame, terms: _Terms) -> None:
    axis.scatter(located["x"], located["y"], s=10, color="#C3CBD1", linewidths=0)
    colours = dict(zip(terms, COLOURS, strict=False))
    points = {name: located.loc[members].to_numpy() for name, members in terms.items()}
    for name, xy in points.items():
        axis.scatter(xy[:, 0], xy[:, 1], s=24, color=colours[name], label=f"{ends(name, 40)} ({len(xy)})",
                     linewidths=0.3, edgecolors="white")  # fmt: skip
    if points:
        draw_clouds(axis, points, colours, names=False)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=1, fontsize=8, markerscale=1.1)
    axis.set(xticks=[], yticks=[])
    axis.margins(0.08)


def _rows(located: pd.DataFrame, terms: _Terms, place: str, standard: Standard) -> pd.DataFrame:
    """What is drawn in a panel: proteins of several terms stand several times, those of none once."""
    of_terms = [located.loc[members].assign(term=name) for name, members in terms.items()]
    others = located.drop(index=[member for members in terms.values() for member in members]).assign(term="")
    table = pd.concat([*of_terms, others]).rename_axis("protein").reset_index()
    return table.assign(place=place, standard=standard.name, scale=standard.scale)


def _words(folder: Folder, profiles: PlacedProfiles, sizes: Mapping[str, int], method: str) -> dict[str, str]:
    seed = "" if folder.seed is None else f", seed {folder.seed}"
    counts = ", ".join(f"{place} ({plural(n, 'protein')})" for place, n in sizes.items())
    return {
        "title": f"{folder.name}{seed}: maps of single places",
        "alt": f"{method} maps of the profiles of {folder.name} within {', '.join(sizes)}, coloured by terms.",
        "caption": f"{method} of the profiles of the proteins of one place only, on {profiles.source} images: "
        f"{counts}; up to {MOST_PLACES} places, those with the most proteins, and up to {MOST_STANDARDS} of the finest "
        f"standards. Coloured: the largest terms with {FEWEST_MEMBERS} or more proteins there, up to {len(COLOURS)}; "
        "with a contour at half of the density where there are enough of them. Grey: all other proteins of the place. "
        "A protein of several terms has the colour of the last. Terms that form groups here are told apart although "
        "their proteins are in the same compartment.",
    }
