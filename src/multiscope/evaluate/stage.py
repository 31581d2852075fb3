"""The stage: scores of every encoder's profiles against every standard, and retrieval among cells."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope import config
from multiscope.errors import InputError
from multiscope.evaluate import STAGE_VERSION
from multiscope.evaluate.by_cells import COLUMNS as BY_CELLS_COLUMNS
from multiscope.evaluate.by_cells import scores_by_cells
from multiscope.evaluate.comparison import Comparison, compare
from multiscope.evaluate.embedded import cells_by_side, read_cells, read_profiles
from multiscope.evaluate.profiles import RUN_COLUMNS, Profiles
from multiscope.evaluate.results import write_table, write_tables
from multiscope.evaluate.scores.recognition import Recognition, recognition
from multiscope.evaluate.scores.retrieval import Cells, retrieval
from multiscope.evaluate.scoring import SEED
from multiscope.folders import manifest
from multiscope.progress import track
from multiscope.standards.gmt import read_gmt
from multiscope.standards.registry import read_standard
from multiscope.standards.standard import Standard

RETRIEVAL_COLUMNS = (
    *RUN_COLUMNS, "metric", "value", "ci_low", "ci_high", "chance", "n_proteins", "n_query_cells", "n_reference_cells",
)  # fmt: skip
RECOGNITION_COLUMNS = (
    *RUN_COLUMNS, "target", "metric", "value", "ci_low", "ci_high", "chance",
    "n_classes", "n_train_cells", "n_test_cells", "n_fields",
)  # fmt: skip


def run(*, embeddings: Sequence[Path], out: Path, config: config.Evaluate, data: Path | None, threads: int = 1) -> None:
    """Score embed folders; the tables of `results.py`, `retrieval` and `recognition` go to the folder `out`.

    Standards are those of `config.standards` and the `standards/*.gmt` of the data folder. All encoders and sources
    are scored on the proteins that every one of them has. Retrieval asks test cells for train cells of their protein,
    where both are there. `threads` processes share the work.
    """
    standards = _standards(config, data)
    tables = [table for folder in embeddings for table in read_profiles(folder)]
    _check_distinct(tables)
    inputs = {f"embeddings/{number}": folder for number, folder in enumerate(embeddings)}
    for name, standard in config.standards.items():
        files = {"": standard.path, "/genes": standard.genes, "/ontology": standard.ontology}
        inputs |= {f"standards/{name}{kind}": path for kind, path in files.items() if path is not None}
    inputs |= {"data": data} if data is not None else {}
    inputs |= {"genes": config.genes} if config.genes else {}
    section = config.model_dump(mode="json")
    with manifest.stage_output(out, stage="evaluate", version=STAGE_VERSION, config=section, inputs=inputs) as made:
        if not standards:
            print("evaluate: no standards are named: only the retrieval of proteins is scored", file=sys.stderr)
        found = compare(tables, standards, config, threads=threads)
        _note(made, tables, found)
        write_tables(made.path, found)
        _score_cells(made, tables, found, config)


def _standards(section: config.Evaluate, data: Path | None) -> list[Standard]:
    named = [read_standard(each.path, name=name, section=each) for name, each in section.standards.items()]
    if data is None:
        return named
    manifest.verify(data, made_by=["data"])
    for path in sorted((data / "standards").glob("*.gmt")):
        if path.stem in section.standards:
            raise InputError(f"{path}: evaluate.standards has a '{path.stem}' too; give yours another name")
        named.append(read_gmt(path, name=path.stem))
    return named


def _check_distinct(tables: Sequence[Profiles]) -> None:
    if not tables:
        raise InputError("no embed folder is given; name at least one")
    seen: dict[tuple[Any, ...], Path] = {}
    for table in tables:
        key = tuple(table.run.values())
        if key in seen:
            raise InputError(f"{table.path}: the same encoder, layer, epoch and seed as {seen[key]}; name each once")
        seen[key] = table.path
        if len(set(table.proteins)) != len(table.proteins):
            raise InputError(f"{table.path}: a protein has two profiles of source '{table.source}'; embed again")


def _score_cells(
    made: manifest.StageRun, tables: Sequence[Profiles], found: Comparison, section: config.Evaluate
) -> None:
    """Write `retrieval`, `recognition` and `by_cells`; the cells of a folder are read once."""
    retrieved: list[dict[str, Any]] = []
    recognized: list[dict[str, Any]] = []
    by_cells: list[dict[str, Any]] = []
    skipped, without_direction = {}, {}
    bootstrap: dict[str, Any] = {"n_bootstrap": section.n_bootstrap, "confidence": section.confidence, "seed": SEED}
    folders = list(dict.fromkeys(table.path for table in tables))
    for folder in track(folders, what="evaluate: cells", total=len(folders)):
        cells = _as_profiled(read_cells(folder), found)
        for table in (table for table in tables if table.path == folder and not table.swept):
            recognized += [{**table.run, **asdict(each)} for each in _recognize(cells, table.source, bootstrap)]
            by_cells += scores_by_cells(table, cells, found.standards, section) if cells and section.cells else []
            sides, n_zero = cells_by_side(cells, table.source, found.proteins)
            if n_zero:
                without_direction[table.label] = n_zero
            reason = _why_not(sides)
            if reason:
                skipped[table.label] = reason
                continue
            scored = retrieval(sides["test"], sides["train"], **bootstrap)
            retrieved.append({**table.run, "metric": "map", **asdict(scored)})
    made.note("retrieval_skipped", skipped)
    made.note("retrieval_cells_of_only_zeros", without_direction)
    write_table(made.path / "retrieval", retrieved, RETRIEVAL_COLUMNS)
    write_table(made.path / "recognition", recognized, RECOGNITION_COLUMNS)
    if section.cells:
        write_table(made.path / "by_cells", by_cells, BY_CELLS_COLUMNS)


def _as_profiled(
    cells: tuple[npt.NDArray[np.float32], pd.DataFrame] | None, found: Comparison
) -> tuple[npt.NDArray[np.float32], pd.DataFrame] | None:
    """Cells of the proteins that every encoder has, under their present names; all where none is known."""
    if cells is None:
        return None
    x, obs = cells
    obs = obs.assign(protein=[found.names.of(name) for name in obs["protein"]])
    kept = obs["protein"].isin(found.proteins).to_numpy()
    return x[kept], obs[kept]


def _recognize(
    cells: tuple[npt.NDArray[np.float32], pd.DataFrame] | None, source: str, bootstrap: Mapping[str, Any]
) -> list[Recognition]:
    if cells is None:
        return []
    x, obs = cells
    of_source = (obs["source"] == source).to_numpy()
    return list(recognition(x[of_source], obs[of_source], **bootstrap))


def _why_not(sides: Mapping[str, Cells]) -> str:
    """Why cells cannot be retrieved, or an empty text."""
    missing = [side for side, of_side in sides.items() if not len(of_side)]
    if missing:
        return f"no {' and no '.join(missing)} cells"
    proteins = {side: frozenset(of_side.protein) for side, of_side in sides.items()}
    if len(proteins["train"]) < 2:
        return "train cells of one protein only"
    if not proteins["train"] & proteins["test"]:
        return "no protein has train and test cells"
    # neighbours share their background, so that finding them says nothing of the protein
    both = frozenset(sides["train"].field) & frozenset(sides["test"].field)
    return "the fields of the cells are not known" if "" in both else "fields are on both sides" if both else ""


def _note(made: manifest.StageRun, tables: Sequence[Profiles], found: Comparison) -> None:
    tables = [found.names.renamed(table) for table in tables]
    every = frozenset().union(*(table.proteins for table in tables))
    lost = len(every) - len(found.proteins)
    made.count("proteins", len(found.proteins), {"not in every encoder and source": lost})
    made.note("proteins_lost", {table.label: len(table.proteins) - len(found.proteins) for table in tables})
    own = {(table.encoder, table.layer, table.epoch, table.seed) for table in tables if not table.swept}
    made.note("own_layers", [dict(zip(RUN_COLUMNS[1:], run, strict=True)) for run in sorted(own, key=str)])
    for each in found.standards:
        dropped = {"too small": each.limits.n_too_small, "too large": each.limits.n_too_large}
        made.count(f"terms of {each.standard.name}", len(each.limits.terms), dropped)
    made.note("standards", found.described())
    made.note("places_from", found.places_from)
    made.note("names", dict(found.names.counts))
    made.note("swept_without_proteins", found.without)
    made.note("circular", dict(found.circular))
    made.note("left_out", found.left_out)
    made.note("bootstrap_seed", SEED)
