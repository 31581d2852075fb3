"""Maps of proteins with the terms of standards as clouds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from multiscope.report.album import COLOURS, WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import Plot
from multiscope.report.clouds import FEWEST, draw_clouds
from multiscope.report.inputs import Folder
from multiscope.standards.standard import Standard

MOST_TERMS, MOST_PANELS = 12, 4


def largest_terms(
    standard: Standard, proteins: Sequence[str], most_members: int, *, fewest: int = FEWEST
) -> dict[str, list[str]]:
    """Terms with enough of `proteins` (for a cloud) and not too many, the largest first; their members."""
    known = set(proteins)
    sizes = {name: sorted(members & known) for name, members in standard.terms.items()}
    fitting = {name: members for name, members in sizes.items() if fewest <= len(members) <= most_members}
    names = sorted(fitting, key=lambda name: (-len(fitting[name]), name))
    return {name: fitting[name] for name in names[:MOST_TERMS]}


def term_map(
    album: Album, folder: Folder, data: pd.DataFrame, standards: Sequence[Standard], *, most_members: int
) -> Plot | None:
    """One panel a standard below the scale of compartments; `data`: protein, x and y in the map of one source."""
    finer = [(each, largest_terms(each, data["protein"].tolist(), most_members)) for each in standards]
    finer = [(each, terms) for each, terms in finer if each.scale != "compartment" and terms][:MOST_PANELS]
    if not finer:
        return None
    places = data.set_index("protein")[["x", "y"]]
    columns = min(2, len(finer))
    lines = -(-len(finer) // columns)
    rows = []
    with look():
        figure = new_figure(WIDTH / 2 * columns, WIDTH / 2 * 0.95 * lines)
        axes = list(figure.subplots(lines, columns, squeeze=False).flat)
        for axis, (standard, terms) in zip(axes, finer, strict=False):
            axis.scatter(places["x"], places["y"], s=8, color="#C3CBD1", linewidths=0)
            colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(terms)}
            for name, members in terms.items():
                own = places.loc[members]
                axis.scatter(own["x"], own["y"], s=16, color=colours[name], linewidths=0)
                rows.append(own.reset_index().assign(standard=standard.name, scale=standard.scale, term=name))
            own_places = {name: places.loc[members].to_numpy() for name, members in terms.items()}
            draw_clouds(axis, own_places, colours, names=True)
            axis.set_title(
                f"{standard.scale} ({short(standard.name, 24)}): {len(terms)} of {len(standard.terms):,} terms"
            )
            axis.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
        for axis in axes[len(finer) :]:
            axis.set_visible(False)
        table = pd.concat(rows, ignore_index=True)
        return album.add(f"terms_{folder.name}", figure, table, **_words(folder, data, most_members))


def _words(folder: Folder, data: pd.DataFrame, most_members: int) -> dict[str, str]:
    source = str(data["source"].iloc[0])
    return {
        "title": f"{folder.name}: terms in the map of {source} images",
        "alt": f"t-SNE map of {folder.name} profiles with clouds of terms.",
        "caption": (
            f"The same map of {len(data):,} proteins, each once, with the largest terms of {FEWEST} to {most_members} "
            f"profiled proteins, up to {MOST_TERMS} a standard. Coloured: their proteins, and half of the density of "
            "these (Gaussian kernels); the name stands where it is highest. Grey: all others. A protein of several "
            "terms has the colour of the last."
        ),
    }
