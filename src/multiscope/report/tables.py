"""Tables of the page, from the frames behind them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from multiscope.crop.choice import EXPLAINED
from multiscope.report.blocks import NONE, Cell, Table, number, percent
from multiscope.report.confusion import Recognition
from multiscope.report.inputs import Folder


def recognition_table(found: Sequence[Recognition]) -> Table:
    """Accuracy of each classifier beside chance."""
    headers = [
        "encoder",
        "accuracy",
        "95% interval",
        "balanced accuracy",
        "chance",
        "always names",
        "cells",
        "fields",
        "seeds",
    ]
    rows = [
        [
            Cell(r.encoder, head=True),
            Cell(percent(r.accuracy, 1), _between(r.by_seed), number=True),
            Cell(f"{percent(r.interval[0], 1)} to {percent(r.interval[1], 1)}", number=True),
            Cell(percent(r.balanced, 1), number=True),
            Cell(percent(r.chance, 1), number=True),
            Cell(r.majority),
            Cell(f"{r.n_cells:,}", number=True),
            Cell(f"{r.n_fields:,}", number=True),
            Cell(str(len(r.by_seed)), number=True),
        ]
        for r in found
    ]
    return Table(headers, rows)


def _between(by_seed: list[float]) -> str:
    return f"seeds {percent(min(by_seed), 1)} to {percent(max(by_seed), 1)}" if len(by_seed) > 1 else ""


def score_table(scores: pd.DataFrame) -> Table:
    """Scores of profiles by standard, encoder and source."""
    metrics = scores["metric"].nunique() > 1
    rows = []
    seen: tuple[str, str] | None = None
    for _, row in scores.iterrows():
        standard = (str(row["scale"]), str(row["standard"]))
        name = row["label"] if not metrics else f"{row['label']}, {row['metric']}"
        head = Cell("") if standard == seen else Cell(standard[0], standard[1], head=True)
        counts = [_count(row[column]) for column in ("n_proteins", "n_terms", "n_positive_pairs")]
        rows.append([head, Cell(name), Cell(row["source"]), *_value_cells(row), *counts])
        seen = standard
    value = "value" if metrics else str(scores["metric"].iloc[0]).upper()
    headers = [
        "scale, standard",
        "encoder",
        "source",
        value,
        "interval",
        "chance",
        "proteins",
        "terms",
        "positive pairs",
    ]
    return Table(headers, rows)


def retrieval_table(scores: pd.DataFrame) -> Table:
    """Retrieval scores by encoder and source."""
    headers = [
        "encoder",
        "source",
        "metric",
        "value",
        "interval",
        "chance",
        "proteins",
        "query cells",
        "reference cells",
    ]
    rows = [
        [
            Cell(row["label"], head=True), Cell(row["source"]), Cell(row["metric"]), *_value_cells(row),
            _count(row["n_proteins"]), _count(row["n_query_cells"]), _count(row["n_reference_cells"]),
        ]
        for _, row in scores.iterrows()
    ]  # fmt: skip
    return Table(headers, rows)


def read_from_cells(scores: pd.DataFrame) -> Table:
    """Accuracies of probes and neighbours by target, encoder and source."""
    headers = ["what is named", "by", "encoder", "source", "accuracy", "interval", "chance", "classes", "test cells"]
    rows = [
        [
            Cell(row["target"], head=True), Cell(row["metric"]), Cell(row["label"]), Cell(row["source"]),
            *_value_cells(row), _count(row["n_classes"]), _count(row["n_test_cells"]),
        ]
        for _, row in scores.iterrows()
    ]  # fmt: skip
    return Table(headers, rows)


def _value_cells(row: pd.Series) -> list[Cell]:
    note = f"{row['n_seeds']} seeds ± {number(row['sd_seeds'], 3)}" if row["n_seeds"] > 1 else ""
    above = row["ci_low"] > row["chance"]
    return [
        Cell(number(row["value"], 3), note, strong=bool(above), number=True),
        Cell(f"{number(row['ci_low'], 3)} to {number(row['ci_high'], 3)}", number=True),
        Cell(number(row["chance"], 3), number=True),
    ]


def _count(value: float) -> Cell:
    return Cell(NONE if pd.isna(value) else f"{int(value):,}", number=True)


def usage_table(rules: pd.DataFrame) -> Table:
    """Jobs, time and memory by rule."""
    rows = [
        [
            Cell(row["rule"], head=True),
            _count(row["jobs"]),
            Cell(number(row["seconds"], 1), number=True),
            Cell(number(row["cpu_seconds"], 1), number=True),
            Cell(number(row["memory_mb"], 0), number=True),
        ]
        for _, row in rules.iterrows()
    ]
    return Table(["rule", "jobs", "time (s)", "CPU time (s)", "highest memory (MB)"], rows)


def stage_table(folders: Sequence[Folder]) -> Table:
    """Every result that went in: stage, seed, device, duration."""
    rows = [
        [
            Cell(folder.stage, head=True),
            Cell(folder.name),
            Cell(NONE if folder.seed is None else str(folder.seed), number=True),
            Cell(str(folder.manifest.get("stage_version", NONE)), number=True),
            Cell(str(folder.manifest.get("device", NONE))),
            Cell(number(float(folder.manifest.get("wall_seconds", "nan")), 1), number=True),
            Cell(str(folder.manifest.get("finished", NONE)).replace("T", " ").replace("+00:00", " UTC")),
        ]
        for folder in folders
    ]
    return Table(["stage", "result", "seed", "version", "device", "writing time (s)", "finished"], rows)


def count_table(folders: Sequence[Folder]) -> Table | None:
    """What was kept and what was dropped, with the reasons."""
    rows = []
    for folder in folders:
        seed = "" if folder.seed is None else f", seed {folder.seed}"
        for what, counted in folder.manifest.get("counts", {}).items():
            dropped = {reason: n for reason, n in counted.get("dropped", {}).items() if n}
            reasons = ", ".join(f"{reason}: {n:,}" for reason, n in dropped.items())
            rows.append(
                [
                    Cell(folder.stage, head=True),
                    Cell(folder.name + seed),
                    Cell(what),
                    Cell(f"{counted.get('kept', 0):,}", number=True),
                    Cell(f"{sum(dropped.values()):,}", number=True),
                    Cell(reasons or NONE),
                ]
            )
    return Table(["stage", "result", "what", "kept", "dropped", "why dropped"], rows) if rows else None


def drop_table(folder: Folder) -> Table:
    """What became of the objects in the label images: kept, or dropped for which reason."""
    counted = folder.manifest["counts"]["cells"]
    all_objects = counted["kept"] + sum(counted["dropped"].values())
    rows = [
        [
            Cell(reason, head=True),
            Cell(meaning),
            Cell(f"{n:,}", number=True),
            Cell(percent(n / all_objects if all_objects else 0.0, 1), number=True),
        ]
        for reason, meaning, n in [
            ("kept", "", counted["kept"]),
            *((reason, EXPLAINED.get(reason, ""), n) for reason, n in counted["dropped"].items()),
        ]
    ]
    return Table(["result", "what it means", "objects", "share"], rows)


def version_table(folders: Sequence[Folder]) -> Table:
    """Versions of the packages; several where results were made with several."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for package, version in folder.manifest.get("packages", {}).items():
            versions = found.setdefault(package, [])
            if version not in versions:
                versions.append(str(version))
    rows = [[Cell(package, head=True), Cell(", ".join(versions))] for package, versions in found.items()]
    return Table(["package", "version"], rows)


def content_networks(folders: Sequence[Folder]) -> list[tuple[str, str]]:
    """The content network of every result that notes one."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        note = folder.notes.get("content_network")
        if note is not None:
            text = _facts(note)
            users = found.setdefault(text, [])
            user = folder.stage if folder.name == folder.stage else f"{folder.stage} {folder.name}"
            if user not in users:
                users.append(user)
    return [(", ".join(users), text) for text, users in found.items()]


def _facts(note: object) -> str:
    """A note in words; measured numbers are left out, since they differ from seed to seed."""
    if not isinstance(note, dict):
        return str(note)
    told = {key: value for key, value in note.items() if key != "kind" and not isinstance(value, float)}
    facts = [f"{key} {str(value)[:16]}" for key, value in told.items()]
    return "; ".join([str(note.get("kind", "")), *facts]).strip("; ")
