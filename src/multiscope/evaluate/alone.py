"""The scores without the workflow: anybody's profiles against anybody's standards, and a table to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiscope import config
from multiscope.errors import InputError
from multiscope.evaluate import STAGE_VERSION
from multiscope.evaluate.comparison import Comparison, compare
from multiscope.evaluate.foreign import check_directions, check_name, check_values
from multiscope.evaluate.profiles import Profiles
from multiscope.evaluate.results import SCORE_COLUMNS, write_tables
from multiscope.folders import manifest
from multiscope.standards.standard import SCALES, Standard

_ORDER = ("ap", "ap_within", "ami", "ami_best", "f", "map", "recall_5", "recall_10")


def scores(profiles: Mapping[str, pd.DataFrame], standards: Sequence[Standard], **settings: Any) -> pd.DataFrame:
    """A row a score of each frame of `profiles` (a row a protein, named by the index) against each of `standards`.

    Columns are those of `scores.parquet`, `settings` the keys of the section `evaluate`:
    `scores({"mine": frame}, standards, scores=["ap", "map"], n_bootstrap=200)`. All frames are scored on the proteins
    that every one of them has.
    """
    tables = []
    for name, frame in profiles.items():
        x, names = frame.to_numpy(dtype=np.float64, copy=True), [str(protein) for protein in frame.index]
        check_name(name)
        check_values(name, x, names, [str(column) for column in frame.columns])
        check_directions(name, x, names)
        tables.append(Profiles(Path(name), "profiles", name, "table", None, None, x, names))
    return _as_table(score_profiles(tables, standards, config.Evaluate(**settings)))


def score_profiles(
    tables: Sequence[Profiles],
    standards: Sequence[Standard],
    section: config.Evaluate,
    *,
    out: Path | None = None,
    threads: int = 1,
) -> Comparison:
    """Compare `tables`; with `out` the tables of scores, differences, terms and proteins go to that folder."""
    if not standards:
        raise InputError("no standard is named; expected at least one: --standards FILE (docs/standards.md)")
    names = [table.encoder for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two tables of profiles are called '{name}'; rename one of the files")
    if out is None:
        return compare(tables, standards, section, threads=threads)
    inputs = {f"profiles/{table.encoder}": table.path for table in tables}
    inputs |= {"genes": section.genes} if section.genes else {}
    values = section.model_dump(mode="json")
    with manifest.stage_output(out, stage="evaluate", version=STAGE_VERSION, config=values, inputs=inputs) as made:
        found = compare(tables, standards, section, threads=threads)
        made.note("standards", found.described())
        made.note("names", dict(found.names.counts))
        made.note("circular", dict(found.circular))
        made.note("left_out", found.left_out)
        made.note("proteins_lost", {table.encoder: len(table.proteins) - len(found.proteins) for table in tables})
        write_tables(made.path, found)
    return found


def _as_table(found: Comparison) -> pd.DataFrame:
    return pd.DataFrame([row for each in found.scored for row in each.rows()], columns=list(SCORE_COLUMNS))


def as_text(found: Comparison) -> str:
    """The scores as lines: a block a standard from coarse to fine, a row a table of profiles, a column a score."""
    return "\n".join(_lines(found))


def _lines(found: Comparison) -> Iterator[str]:
    table = _as_table(found)
    unsettled = [f"{count:,} {reason}" for reason, count in found.names.counts.items() if count]
    if unsettled:
        yield f"names of proteins that the table of genes did not settle: {', '.join(unsettled)}"
    for each in sorted(found.standards, key=lambda each: (SCALES.index(each.standard.scale), each.standard.name)):
        standard, limits = each.standard, each.limits
        lost = ", ".join(f"{count:,} {reason}" for reason, count in standard.losses.items() if count)
        yield f"{standard.scale}: {standard.name} ({standard.release}; organism {standard.organism})"
        yield (
            f"  {len(limits.proteins):,} of {len(found.proteins):,} profiled proteins in {len(limits.terms):,} terms; "
            f"terms left out: {limits.n_too_small:,} too small, {limits.n_too_large:,} too large"
            + (f"; lost in reading: {lost}" if lost else "")
        )
        if standard.name in found.circular:
            yield f"  circular for encoders that learned from labels: {found.circular[standard.name]}"
        yield from _block(table[table["standard"] == standard.name])
        yield ""


def _block(rows: pd.DataFrame) -> Iterator[str]:
    if rows.empty:
        yield "  no score"
        return
    metrics = sorted(set(rows["metric"]), key=_ORDER.index)
    encoders = list(dict.fromkeys(rows["encoder"]))
    width = max(len("chance"), *(len(name) for name in encoders))
    yield "  " + " ".join([" " * width, *(f"{metric:>21}" for metric in metrics)])
    by = rows.drop_duplicates(["encoder", "metric"]).set_index(["encoder", "metric"])
    for encoder in encoders:
        cells = [_cell(by.loc[(encoder, m)]) if (encoder, m) in by.index else " " * 21 for m in metrics]
        yield "  " + " ".join([f"{encoder:<{width}}", *cells])
    yield "  " + " ".join([f"{'chance':<{width}}", *(_chance(rows[rows["metric"] == metric]) for metric in metrics)])


def _cell(row: pd.Series) -> str:
    if pd.isna(row["ci_low"]):
        return f"{row['value']:>21.4f}"
    return f"{row['value']:.4f} {row['ci_low']:.3f}-{row['ci_high']:.3f}".rjust(21)


def _chance(rows: pd.DataFrame) -> str:
    """One number, or the range where it depends on the clusters of each encoder."""
    low, high = rows["chance"].min(), rows["chance"].max()
    return f"{low:>21.4f}" if high - low < 5e-5 else f"{low:.4f}-{high:.4f}".rjust(21)
