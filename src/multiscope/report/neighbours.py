"""The proteins whose profiles are most like a protein's, and what they have in common."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiscope.data.labels import BETWEEN
from multiscope.evaluate.scores.ranking import cosines, unit_rows
from multiscope.report.blocks import NONE, Cell, Table, number
from multiscope.report.inputs import Folder, read_table
from multiscope.report.maps import source_order
from multiscope.report.standards import Shared

EACH = 5
"""Neighbours of a protein."""
MOST_PROTEINS = 200
_METADATA = ["Metadata_Protein", "Metadata_Symbol", "Metadata_Localization", "Metadata_Source"]
_COLUMNS = ["source", "protein", "symbol", "localization", "rank", "neighbour", "neighbour_symbol",
            "neighbour_localization", "similarity", "same_compartment", "shared_scales"]  # fmt: skip


def neighbours(folder: Folder, shared: Shared) -> pd.DataFrame:
    """A row a protein and rank from 1: its nearest proteins by the cosine of profiles, of clean cells where there are.

    `same_compartment` is missing where one of two localizations is not known; `shared_scales` has `|` between the
    scales. A profile without direction has no neighbours.
    """
    table = read_table(folder.path / "proteins.parquet", _METADATA)
    if table.empty:
        return pd.DataFrame(columns=_COLUMNS)
    source = min(table["Metadata_Source"].astype(str).unique(), key=source_order)
    table = table[table["Metadata_Source"] == source].reset_index(drop=True)
    x = table[[name for name in table if str(name).startswith("emb_")]].to_numpy(np.float64)
    usable = np.isfinite(x).all(axis=1) & x.any(axis=1)
    table, x = table[usable].reset_index(drop=True), x[usable]
    texts = table[_METADATA[:3]].fillna("").astype(str)
    texts.columns = pd.Index(["protein", "symbol", "localization"])
    units = unit_rows(x, texts["protein"], what=f"{folder.path}: protein") if len(x) else x
    rows = []
    for index, protein in enumerate(texts.itertuples(index=False)):
        similar = cosines(units[index : index + 1], units)[0]
        similar[index] = -np.inf
        for rank, other in enumerate(np.argsort(-similar, kind="stable")[: min(EACH, len(x) - 1)], start=1):
            near = texts.iloc[other]
            same = _same(str(protein.localization), near["localization"])
            scales = BETWEEN.join(shared.scales(str(protein.protein), near["protein"]))
            rows.append((source, *protein, rank, *near, similar[other], same, scales))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _same(one: str, other: str) -> bool | None:
    """Whether two proteins have a place in common."""
    places = [{part.strip() for part in text.split(BETWEEN)} - {""} for text in (one, other)]
    return None if not all(places) else bool(places[0] & places[1])


def shares(found: pd.DataFrame) -> tuple[float, float]:
    """Share of nearest neighbours of known compartments that have one in common, and what chance would give."""
    known = found[found["same_compartment"].notna()]
    if known.empty:
        return float("nan"), float("nan")
    by_protein = found.drop_duplicates("protein")["localization"]
    places = [frozenset(part.strip() for part in text.split(BETWEEN)) - {""} for text in by_protein]
    counts = pd.Series([place for place in places if place]).value_counts()
    n = int(counts.sum())
    pairs = sum(
        int(counts.iloc[i]) * (int(counts.iloc[j]) - (i == j))
        for i, one in enumerate(counts.index)
        for j, other in enumerate(counts.index)
        if one & other
    )
    return float(known["same_compartment"].astype(bool).mean()), pairs / (n * (n - 1)) if n > 1 else float("nan")


def neighbour_table(found: pd.DataFrame) -> Table:
    """A row a protein, up to 200 of them spread over all; bold neighbours are of the same compartment."""
    proteins = found["protein"].unique()
    shown = set(proteins[np.unique(np.linspace(0, len(proteins) - 1, MOST_PROTEINS).round().astype(int))])
    rows = []
    for _, own in found[found["protein"].isin(shown)].groupby("protein", sort=False):
        first = own.iloc[0]
        cells = [_cell(each) for each in own.itertuples()]
        head = Cell(_name(first["symbol"], first["protein"]), first["localization"], head=True)
        rows.append([head, *cells, *[Cell(NONE)] * (EACH - len(cells))])
    return Table(["protein", *(f"nearest {rank}" for rank in range(1, EACH + 1))], rows)


def _cell(row: object) -> Cell:
    name = _name(row.neighbour_symbol, row.neighbour)  # type: ignore[attr-defined]
    scales = row.shared_scales.replace(BETWEEN, ", ")  # type: ignore[attr-defined]
    same = row.same_compartment is True  # type: ignore[attr-defined]
    shared = f"shares {scales}" if scales else "same compartment" if same else ""
    return Cell(f"{name} {number(row.similarity, 3)}", shared, strong=same)  # type: ignore[attr-defined]


def _name(symbol: str, protein: str) -> str:
    return symbol or protein
