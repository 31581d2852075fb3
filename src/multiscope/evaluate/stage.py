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
from multiscope.evaluate.embedded import RUN_COLUMNS, Embedded, cells_by_side, read_cells, read_profiles
from multiscope.evaluate.scores.coannotation import coannotation
from multiscope.evaluate.scores.members import profiled_terms
from multiscope.evaluate.scores.recognition import Recognition, recognition
from multiscope.evaluate.scores.retrieval import Cells, retrieval
from multiscope.folders import manifest
from multiscope.progress import track
from multiscope.standards.gmt import read_gmt
from multiscope.standards.standard import Standard

SCORE_COLUMNS = (
    *RUN_COLUMNS, "standard", "scale", "metric", "value", "ci_low", "ci_high", "chance",
    "n_proteins", "n_terms", "n_positive_pairs",
)  # fmt: skip
RETRIEVAL_COLUMNS = (
    *RUN_COLUMNS, "metric", "value", "ci_low", "ci_high", "chance", "n_proteins", "n_query_cells", "n_reference_cells",
)  # fmt: skip
RECOGNITION_COLUMNS = (
    *RUN_COLUMNS, "target", "metric", "value", "ci_low", "ci_high", "chance",
    "n_classes", "n_train_cells", "n_test_cells", "n_fields",
)  # fmt: skip
# one seed for all: runs that share proteins are resampled alike, so that their scores can be compared
_BOOTSTRAP_SEED = 0


def run(*, embeddings: Sequence[Path], out: Path, config: config.Evaluate, data: Path | None) -> None:
    """Score embed folders; `scores`, `retrieval` and `recognition` go to the folder `out`, each as Parquet and CSV.

    Standards are those of `config.standards` and the `standards/*.gmt` of the data folder. All encoders and sources
    are scored on the proteins that every one of them has. Retrieval asks test cells for train cells of their protein,
    where both are there.
    """
    standards = _standards(config, data)
    tables = [table for folder in embeddings for table in read_profiles(folder)]
    _check_distinct(tables)
    shared = sorted(frozenset.intersection(*(frozenset(table.proteins) for table in tables)))
    if not shared:
        raise InputError(f"no protein is in all of the {len(tables)} profile tables; compare encoders of one data set")
    inputs = {f"embeddings/{number}": folder for number, folder in enumerate(embeddings)}
    inputs |= {f"standards/{name}": standard.path for name, standard in config.standards.items()}
    inputs |= {"data": data} if data is not None else {}
    section = config.model_dump(mode="json")
    with manifest.stage_output(out, stage="evaluate", version=STAGE_VERSION, config=section, inputs=inputs) as made:
        _note(made, tables, shared, standards, config)
        if not standards:
            print("evaluate: no standards are named: only the retrieval of proteins is scored", file=sys.stderr)
        jobs = [(table, standard) for table in tables for standard in standards]
        scores = [
            _score(table, shared, standard, config)
            for table, standard in track(jobs, what="evaluate: profiles", total=len(jobs))
        ]
        _write(made.path / "scores", scores, SCORE_COLUMNS)
        retrieved, recognized = _score_cells(made, tables, shared, config)
        _write(made.path / "retrieval", retrieved, RETRIEVAL_COLUMNS)
        _write(made.path / "recognition", recognized, RECOGNITION_COLUMNS)


def _standards(section: config.Evaluate, data: Path | None) -> list[Standard]:
    named = [read_gmt(each.path, name=name, scale=each.scale) for name, each in section.standards.items()]
    if data is None:
        return named
    manifest.verify(data, made_by=["data"])
    for path in sorted((data / "standards").glob("*.gmt")):
        if path.stem in section.standards:
            raise InputError(f"{path}: evaluate.standards has a '{path.stem}' too; give yours another name")
        named.append(read_gmt(path, name=path.stem))
    return named


def _check_distinct(tables: Sequence[Embedded]) -> None:
    if not tables:
        raise InputError("no embed folder is given; name at least one")
    seen: dict[tuple[Any, ...], Path] = {}
    for table in tables:
        key = tuple(table.run.values())
        if key in seen:
            raise InputError(f"{table.folder}: the same encoder, layer, epoch and seed as {seen[key]}; name each once")
        seen[key] = table.folder
        if len(set(table.proteins)) != len(table.proteins):
            raise InputError(f"{table.folder}: a protein has two profiles of source '{table.source}'; embed again")


def _score(table: Embedded, shared: list[str], standard: Standard, section: config.Evaluate) -> dict[str, Any]:
    result = coannotation(
        table.of(shared),
        shared,
        standard,
        min_term_size=section.min_term_size,
        max_term_size=section.max_term_size,
        n_bootstrap=section.n_bootstrap,
        confidence=section.confidence,
        seed=_BOOTSTRAP_SEED,
    )
    return {**table.run, "standard": standard.name, "scale": standard.scale, "metric": "ap", **asdict(result)}


def _score_cells(
    made: manifest.StageRun, tables: Sequence[Embedded], shared: list[str], section: config.Evaluate
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `retrieval` and of `recognition`; the cells of a folder are read once."""
    retrieved: list[dict[str, Any]] = []
    recognized: list[dict[str, Any]] = []
    skipped, without_direction = {}, {}
    bootstrap: dict[str, Any] = {
        "n_bootstrap": section.n_bootstrap,
        "confidence": section.confidence,
        "seed": _BOOTSTRAP_SEED,
    }
    folders = list(dict.fromkeys(table.folder for table in tables))
    for folder in track(folders, what="evaluate: cells", total=len(folders)):
        cells = read_cells(folder)
        for table in (table for table in tables if table.folder == folder and not table.swept):
            recognized += [{**table.run, **asdict(each)} for each in _recognize(cells, table.source, bootstrap)]
            sides, n_zero = cells_by_side(cells, table.source, shared)
            if n_zero:
                without_direction[table.label] = n_zero
            reason = _why_not(sides)
            if reason:
                skipped[table.label] = reason
                continue
            found = retrieval(sides["test"], sides["train"], **bootstrap)
            retrieved.append({**table.run, "metric": "map", **asdict(found)})
    made.note("retrieval_skipped", skipped)
    made.note("retrieval_cells_of_only_zeros", without_direction)
    return retrieved, recognized


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


def _note(
    made: manifest.StageRun,
    tables: Sequence[Embedded],
    shared: list[str],
    standards: Sequence[Standard],
    section: config.Evaluate,
) -> None:
    every = frozenset().union(*(table.proteins for table in tables))
    made.count("proteins", len(shared), {"not in every encoder and source": len(every) - len(shared)})
    made.note("proteins_lost", {table.label: len(table.proteins) - len(shared) for table in tables})
    own = {(table.encoder, table.layer, table.epoch, table.seed) for table in tables if not table.swept}
    made.note("own_layers", [dict(zip(RUN_COLUMNS[1:], run, strict=True)) for run in sorted(own, key=str)])
    described: dict[str, Mapping[str, Any]] = {}
    for standard in standards:
        limits = profiled_terms(
            standard, shared, min_term_size=section.min_term_size, max_term_size=section.max_term_size
        )
        small, large = limits.n_too_small, limits.n_too_large
        made.count(f"terms of {standard.name}", len(limits.terms), {"too small": small, "too large": large})
        described[standard.name] = {
            **{key: value for key, value in vars(standard).items() if key not in ("name", "terms")},
            "terms_dropped": {"too_small": small, "too_large": large},
            "proteins_profiled": len(limits.proteins),
        }
    made.note("standards", described)
    made.note("bootstrap_seed", _BOOTSTRAP_SEED)


def _write(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A tidy table as Parquet and CSV, with its columns and their types even where it has no row."""
    table = pd.DataFrame(rows, columns=list(columns))
    whole = [c for c in columns if c in ("epoch", "seed") or c.startswith("n_")]
    real = [c for c in columns if c in ("value", "ci_low", "ci_high", "chance")]
    table = table.astype(
        {**dict.fromkeys(columns, "string"), **dict.fromkeys(whole, "Int64"), **dict.fromkeys(real, "float64")}
    )
    table.to_parquet(path.with_suffix(".parquet"), compression="zstd")
    table.to_csv(path.with_suffix(".csv"), index=False)
