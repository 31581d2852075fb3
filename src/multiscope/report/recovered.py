"""Which terms of the standards are found again in the profiles, one by one."""

from __future__ import annotations

import pandas as pd

from multiscope.report.blocks import NONE, Cell, Table, number
from multiscope.report.inputs import Folder, read_table
from multiscope.report.scores import CONTROLS, RUN, labelled, own_and_controls, panels, reference_source

MOST_TERMS = 10
"""Rows of a ranked table."""
LEVEL = 0.05
"""Corrected p-value below which a term is called found."""
_COLUMNS = [*RUN, "standard", "scale", "term", "n_members", "mean_average_precision", "chance", "corrected_p_value"]


def read_terms(evaluated: Folder) -> pd.DataFrame | None:
    """Terms of the clean source, or the first there is, of each encoder's own layer and of controls, a row a seed."""
    path = evaluated.path / "terms.parquet"
    if not path.is_file():
        return None
    table = own_and_controls(read_table(path, _COLUMNS), evaluated)
    table = table[table["mean_average_precision"].notna()]
    if table.empty:
        return None
    table = labelled(table)
    table = table[table["source"] == reference_source(table)]
    return table.assign(control=table["encoder"].isin(CONTROLS), found=table["corrected_p_value"] < LEVEL)


def best_terms(terms: pd.DataFrame) -> list[tuple[tuple[str, str], Table]]:
    """Of each standard the terms that its best encoder, by their mean, finds best."""
    own = terms[~terms["control"]]
    found = []
    for panel in panels(own):
        part = own[(own["scale"] == panel[0]) & (own["standard"] == panel[1])]
        label = str(part.groupby("label")["mean_average_precision"].mean().idxmax())
        found.append((panel, _ranked(part[part["label"] == label], panel, label)))
    return found


def over_terms(part: pd.DataFrame) -> pd.DataFrame:
    """A row a term: the mean over seeds, and the largest p-value of any seed; the best first."""
    table = part.groupby("term", sort=True).agg(
        value=("mean_average_precision", "mean"),
        n_members=("n_members", "first"),
        chance=("chance", "mean"),
        p=("corrected_p_value", "max"),
        n_seeds=("term", "size"),
    )
    return table.reset_index().sort_values(["value", "n_members"], ascending=False, kind="stable")


def _ranked(part: pd.DataFrame, panel: tuple[str, str], label: str) -> Table:
    table = over_terms(part)
    rows = [
        [
            Cell(str(row["term"]), head=True),
            Cell(number(float(row["value"]), 3), strong=bool(row["p"] < LEVEL), number=True),
            Cell(number(float(row["chance"]), 3), number=True),
            Cell(f"{int(row['n_members']):,}", number=True),
            Cell(p_value(row["p"]), number=True),
        ]
        for _, row in table.iloc[:MOST_TERMS].iterrows()
    ]
    seeds = int(table["n_seeds"].max())
    over = f", mean over {seeds} seeds and their largest p" if seeds > 1 else ""
    caption = f"{panel[0]} ({panel[1]}), {label}: {len(rows)} of {len(table):,} terms{over}"
    return Table(["term", "mAP", "chance", "members", "corrected p"], rows, caption)


def p_value(value: float) -> str:
    """A p-value; those of permutations are never zero."""
    if pd.isna(value):
        return NONE
    return number(value, 3) if value >= 0.001 else f"{value:.0e}"


def found_table(terms: pd.DataFrame) -> Table:
    """How many terms each encoder finds, a column a standard: the mean over seeds; controls last."""
    every = panels(terms)
    counts = terms.groupby(["control", "label", "standard", "encoder", "seed"], dropna=False)["found"].agg(
        ["sum", "size"]
    )
    means = counts.groupby(["control", "label", "standard"]).mean()
    spread = counts.groupby(["control", "label", "standard"])["sum"].agg(["min", "max", "size"])
    rows = []
    by_run = {key: (mean, seeds) for (key, mean), (_, seeds) in zip(means.iterrows(), spread.iterrows(), strict=True)}
    for control, label in dict.fromkeys((key[0], key[1]) for key in means.index):
        found = [by_run.get((control, label, standard)) for _, standard in every]
        cells = [_nothing(control) if each is None else _count(*each, control) for each in found]
        rows.append([Cell(str(label), head=True, tone="soft" if control else ""), *cells])
    return Table(["encoder", *(f"{scale}: {standard}" for scale, standard in every)], rows)


def _count(mean: pd.Series, spread: pd.Series, control: bool) -> Cell:
    n, found = float(mean["size"]), float(mean["sum"])
    note = f"seeds {spread['min']:.0f} to {spread['max']:.0f}" if spread["size"] > 1 else ""
    shown = number(found, 0) if found == round(found) else number(found, 1)
    return Cell(f"{shown} of {n:,.0f}", note, number=True, tone="soft" if control else "")


def _nothing(control: bool) -> Cell:
    return Cell(NONE, number=True, tone="soft" if control else "")
