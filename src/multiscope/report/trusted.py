"""What the stage `trust` found: its table, the maps of disagreement, inputs unlike the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiscope.report import pictures
from multiscope.report.album import WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import NONE, Cell, Plot, Statement, Statements, Table, number, percent
from multiscope.report.inputs import Folder, read_table
from multiscope.report.pictures import Plane
from multiscope.report.restoration import INPUT
from multiscope.report.worst import Place, places

_COLUMNS = [
    "dataset", "method", "defect", "image_id", "n_seeds", "error", "disagreement", "foretells", "consistency",
    "n_clean", "kept", "lost", "invented", "distance", "strange", "feature", "familiar",
]  # fmt: skip
_PANEL = 1.75
_MOST_STRANGERS = 20


def read_trust(folders: Sequence[Folder]) -> pd.DataFrame:
    """Rows of all methods; those of the input, the same beside each, once."""
    tables = [read_table(folder.path / "trust.parquet", _COLUMNS) for folder in folders]
    table = pd.concat(tables, ignore_index=True)
    for column in ("dataset", "method", "defect", "image_id", "feature"):
        table[column] = table[column].astype(str)
    return table.drop_duplicates(["dataset", "defect", "method", "image_id"], ignore_index=True)


def trust_table(table: pd.DataFrame) -> Table:
    """By defect the input and every method: disagreement, consistency, structures."""
    rows = []
    several = table["dataset"].nunique() > 1
    for (dataset, defect), part in table.groupby(["dataset", "defect"], sort=True):
        methods = sorted(part["method"].unique(), key=lambda name: (name != INPUT, name))
        where = f"{dataset}: {defect}" if several else str(defect)
        for at, method in enumerate(methods):
            rows.append(_trust_row(part[part["method"] == method], where if at == 0 else ""))
    headers = [
        "defect", "method", "error", "seeds disagree", "foretells error", "consistency", "clean", "kept", "lost",
        "invented",
    ]  # fmt: skip
    groups = [("", 2), ("of the range", 2), ("", 2), ("structures", 4)]
    return Table(headers, rows, "Means over test images, of consistency the median; structures are summed.", groups)


def _trust_row(own: pd.DataFrame, where: str) -> list[Cell]:
    method = str(own["method"].iloc[0])
    known = own["consistency"].dropna()
    spread = f"{number(known.min(), 2)} to {number(known.max(), 2)}" if len(known) else ""
    total = float(own["n_clean"].sum())
    structures = [
        Cell(_count(own[name].sum()), percent(own[name].sum() / total, 1) if total else "", number=True)
        for name in ("kept", "lost", "invented")
    ]
    return [
        Cell(where, head=bool(where)),
        Cell("input (nothing done)" if method == INPUT else method),
        Cell(percent(own["error"].mean(), 2), number=True),
        Cell(percent(own["disagreement"].mean(), 2), number=True),
        Cell(number(own["foretells"].mean(), 2), number=True),
        Cell(number(known.median(), 2) if len(known) else NONE, spread, number=True),
        Cell(_count(total), number=True),
        *structures,
    ]


def _count(value: float) -> str:
    """A number of structures; a mean over seeds need not be whole."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def structure_answers(table: pd.DataFrame) -> Statements:
    """How many structures restoring loses and invents, beside those of the input."""
    items = []
    several = table["dataset"].nunique() > 1
    best = []
    for (dataset, defect), part in table.groupby(["dataset", "defect"], sort=True):
        sums = {
            str(method): (float(own["lost"].sum()), float(own["invented"].sum()))
            for method, own in part.groupby("method", sort=True)
        }
        before = sums.pop(INPUT, None)
        total = float(part.loc[part["method"] == INPUT, "n_clean"].sum())
        if before is None or total == 0:
            continue
        where = f"{dataset}, {defect}" if several else str(defect)
        order = sorted(sums, key=lambda method: sum(sums[method]))
        said = [f"{method} {_count(sums[method][0])} and {_count(sums[method][1])}" for method in order]
        text = (
            f"Of {_count(total)} structures of the clean images the degraded ones lose {_count(before[0])} and invent "
            f"{_count(before[1])}; restored: {', '.join(said)}."
        )
        items.append(Statement(text, where))
        fewer = [method for method in order if sum(sums[method]) < sum(before)]
        best.append(f"{where} with {len(fewer)} of {len(sums)} methods")
    headline = f"Fewer are wrong after restoring: {'; '.join(best)}." if best else ""
    return Statements("Are structures lost or invented?", headline, items)


def strangers_table(table: pd.DataFrame) -> Table | None:
    """Inputs that are unlike the training images, the farthest first."""
    own = table[(table["method"] == INPUT) & (table["familiar"] == False)]  # noqa: E712 - None where it is not known
    if own.empty:
        return None
    rows = [
        [
            Cell(row["image_id"], head=True), Cell(row["defect"]), Cell(str(row["feature"]).replace("_", " ")),
            Cell(number(row["distance"], 2), number=True), Cell(percent(row["strange"]), number=True),
        ]
        for _, row in own.sort_values("distance", ascending=False).head(_MOST_STRANGERS).iterrows()
    ]  # fmt: skip
    caption = f"{len(own)} of {int((table['method'] == INPUT).sum())} test images; the farthest first."
    if len(own) > _MOST_STRANGERS:
        caption += f" Only the first {_MOST_STRANGERS} are listed."
    headers = ["image", "defect", "differs most in", "distance (training range: 0 to 1)", "patches outside"]
    return Table(headers, rows, caption)


@dataclass(frozen=True)
class _Case:
    row: pd.Series
    planes: dict[str, Plane]
    window: tuple[float, float]

    @property
    def error(self) -> Plane:
        return np.abs(self.planes["restored"] - self.planes["clean"])


def disagreement_maps(
    album: Album,
    data: Folder,
    trust: Sequence[Folder],
    restored: Sequence[Folder],
    table: pd.DataFrame,
    pixel_size_um: float | None,
) -> list[Plot]:
    """A figure a defect, a row a method: the test image on which its seeds disagree most."""
    known = places(data)
    methods: dict[str, Folder] = {}
    for folder in restored:
        methods.setdefault(folder.name, folder)
    plots = []
    for defect, part in table[table["dataset"] == data.name].groupby("defect", sort=True):
        cases = []
        for folder in trust:
            own = part[(part["method"] == folder.name) & (part["disagreement"] > 0)]
            if len(own) and folder.name in methods:
                row = own.sort_values("disagreement", ascending=False, kind="stable").iloc[0]
                case = _case(data, folder, methods, row, known.get(row["image_id"]))
                cases += [case] if case else []
        if cases:
            plots.append(_figure(album, data.name, str(defect), cases, pixel_size_um))
    return plots


def _case(data: Folder, trust: Folder, methods: dict[str, Folder], row: pd.Series, place: Place | None) -> _Case | None:
    if place is None:
        return None
    defect = str(row["defect"])
    stores = {
        "clean": pictures.store_of(data, "clean", methods),
        "degraded": pictures.store_of(data, defect, methods),
        "restored": pictures.store_of(data, f"{trust.name}/{defect}", methods),
        "disagreement": trust.path / "disagreement.zarr" / defect,
    }
    planes = {source: pictures.read_plane(store, place.path, place.channel) for source, store in stores.items()}
    whole = {source: plane for source, plane in planes.items() if plane is not None}
    if len(whole) < len(planes):
        return None
    corner = pictures.liveliest_tile(whole["disagreement"])
    tiles = {source: pictures.tile(plane, corner) for source, plane in whole.items()}
    return _Case(row, tiles, pictures.window_of(whole["clean"]))


def _figure(album: Album, data: str, defect: str, cases: list[_Case], pixel_size_um: float | None) -> Plot:
    titles = ("clean", "degraded", "restored", "error, restored", "disagreement")
    scale = max(float(np.percentile(case.error, 99.5)) for case in cases) or 1.0
    panel = min(_PANEL, (WIDTH - 1.6) / len(titles))
    with look():
        figure = new_figure(panel * len(titles) + 1.6, len(cases) * (panel + 0.04) + 0.3)
        axes = figure.subplots(len(cases), len(titles), squeeze=False)
        for line, case in zip(axes, cases, strict=True):
            for axis, source in zip(line, titles[:3], strict=False):
                pictures.show_image(axis, case.planes[source], case.window)
            shown = pictures.show_map(line[3], case.error, scale, note=f"mean {case.error.mean():.3g}")
            differs = case.planes["disagreement"]
            highest = float(np.percentile(differs, 99.5)) or 1.0
            pictures.show_map(line[4], differs, highest, note=f"mean {differs.mean():.3g}, brightest {highest:.3g}")
            words = [short(case.row["method"], 24), short(case.row["image_id"], 26)]
            line[0].set_ylabel("\n".join([*words, f"foretells error: {number(case.row['foretells'], 2)}"]), fontsize=8)
            pictures.scale_bar(line[0], case.planes["clean"].shape, pixel_size_um)
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, fontsize=9.5)
        pictures.bare(axes)
        pictures.colour_bar(figure, shown, axes[:, -1].tolist(), "error (counts)")
        frame = pd.DataFrame([case.row for case in cases])
        said = "; ".join(f"{case.row['method']} on {case.row['image_id']}" for case in cases)
        return album.add(
            f"disagreement_{data}_{defect}",
            figure,
            frame,
            title=f"Where seeds disagree: {defect}",
            alt=f"Of each method the test image with the defect {defect} on which its seeds disagree most: {said}.",
            caption="Error of the first seed, and standard deviation over seeds, in counts, each map up to its own "
            "brightest. Where the error is bright and the disagreement dark, all seeds are wrong in the same way.",
        )
