"""Tables of paired differences: every two encoders, and every two sources of an encoder."""

from __future__ import annotations

import itertools

import pandas as pd

from multiscope.evaluate.controls import PLACES
from multiscope.report.blocks import NONE, Cell, Table, Tone, listing, number
from multiscope.report.differences import Difference, Differences
from multiscope.report.maps import source_order
from multiscope.report.restoration_tables import signed
from multiscope.report.scores import METRICS, of_controls, of_encoders, panels, reference_source

MOST_ENCODERS = 10
"""Rows and columns of a matrix."""
_BREAK = "\u200b"
_HEADERS = ["scale, standard", "highest", "value", "clearly above", "not told apart from"]


def encoder_matrix(scores: pd.DataFrame, differences: Differences, panel: tuple[str, str], metric: str) -> Table | None:
    """Row less column, of the clean source or the first there is; encoders from the highest score, places last."""
    ranked = ranked_encoders(scores, panel, metric)
    shown = ranked[:MOST_ENCODERS]
    if not shown:
        return None
    source = str(shown[0]["source"])
    controls = _of_panel(of_controls(scores, metric), panel)
    places = controls[(controls["encoder"] == PLACES) & (controls["source"] == source)]
    columns = [*shown, *(row for _, row in places.iterrows())]
    if len(columns) < 2:
        return None
    rows = []
    for row in shown:
        cells = [_paired(differences, panel, metric, row, column) for column in columns]
        rows.append([Cell(str(row["label"]), number(float(row["value"]), 3), head=True), *cells])
    left = f" The {len(shown)} highest of {len(ranked)} encoders." if len(ranked) > len(shown) else ""
    caption = (
        f"{panel[0]} ({panel[1]}), {METRICS.get(metric, metric)}, {source} images: row less column.{left} Below an "
        "encoder: its score."
    )
    return Table(["", *(_breaking(str(column["label"])) for column in columns)], rows, caption, dense=True)


def _breaking(name: str) -> str:
    """A name that may go on in a new line after each underscore: columns are narrow."""
    return name.replace("_", f"_{_BREAK}")


def leader_table(scores: pd.DataFrame, differences: Differences, metric: str) -> Table | None:
    """Of each standard the encoder with the highest score, and which others it is clearly above."""
    rows = []
    for panel in panels(of_encoders(scores, metric)):
        ranked = ranked_encoders(scores, panel, metric)
        if len(ranked) < 2:
            continue
        above, unclear = against_others(ranked, differences, panel, metric)
        best = ranked[0]
        rows.append(
            [
                Cell(panel[0], panel[1], head=True),
                Cell(str(best["label"]), strong=not unclear),
                Cell(number(float(best["value"]), 3), number=True),
                Cell(listing(above) if above else NONE),
                Cell(listing(unclear) if unclear else NONE),
            ]
        )
    return Table(_HEADERS, rows, METRICS.get(metric, metric)) if rows else None


def source_table(scores: pd.DataFrame, differences: Differences, metric: str) -> Table | None:
    """Of each encoder the differences between its sources, a column a standard."""
    own = of_encoders(scores, metric)
    every = panels(own)
    rows = []
    for label, of_label in own.groupby("label", sort=True):
        sources = sorted(of_label["source"].unique(), key=source_order)
        name = str(of_label["name"].iloc[0])
        for earlier, later in itertools.combinations(sources, 2):
            cells = [
                tinted(differences.between(standard, metric, (later, name), (earlier, name))) for _, standard in every
            ]
            rows.append([Cell(str(label), head=True), Cell(f"{later} less {earlier}"), *cells])
    headers = ["encoder", "images", *(f"{scale}: {standard}" for scale, standard in every)]
    return Table(headers, rows, METRICS.get(metric, metric)) if rows else None


def ranked_encoders(scores: pd.DataFrame, panel: tuple[str, str], metric: str) -> list[pd.Series]:
    """Rows of a standard in the reference source, the highest score first."""
    own = of_encoders(scores, metric)
    if own.empty:
        return []
    own = _of_panel(own[own["source"] == reference_source(own)], panel)
    return [row for _, row in own.sort_values("value", ascending=False, kind="stable").iterrows()]


def against_others(
    ranked: list[pd.Series], differences: Differences, panel: tuple[str, str], metric: str
) -> tuple[list[str], list[str]]:
    """Labels of those that the first is clearly above, and of those that it is not told apart from."""
    above: list[str] = []
    unclear: list[str] = []
    best = (str(ranked[0]["source"]), str(ranked[0]["name"]))
    for other in ranked[1:]:
        found = differences.between(panel[1], metric, best, (str(other["source"]), str(other["name"])))
        (above if found is not None and found.low > 0 else unclear).append(str(other["label"]))
    return above, unclear


def tinted(found: Difference | None) -> Cell:
    """A difference with its interval below, coloured by its sign, pale where the interval holds zero."""
    if found is None or found.value != found.value:
        return Cell(NONE, number=True)
    has_interval = found.low == found.low
    note = f"{signed(found.low, 3)}\n{signed(found.high, 3)}" if has_interval else "no\ninterval"
    return Cell(signed(found.value, 3), note, number=True, tone=_tone(found))


def _tone(found: Difference) -> Tone:
    if found.value > 0:
        return "up" if found.clear else "pale-up"
    return "down" if found.clear else "pale-down"


def _paired(differences: Differences, panel: tuple[str, str], metric: str, row: pd.Series, column: pd.Series) -> Cell:
    if row["name"] == column["name"]:
        return Cell("", number=True, tone="soft")
    a, b = ((str(each["source"]), str(each["name"])) for each in (row, column))
    return tinted(differences.between(panel[1], metric, a, b))


def _of_panel(table: pd.DataFrame, panel: tuple[str, str]) -> pd.DataFrame:
    return table[(table["scale"] == panel[0]) & (table["standard"] == panel[1])]
