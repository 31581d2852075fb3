"""Tables of an evaluation, fabricated: what `evaluate` leaves beside the average precision of encoders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

METRICS = {
    "ap_within": (0.4, 2.0, 1.0),
    "map": (0.9, 1.0, 1.0),
    "ami": (0.6, 0.0, 0.9),
    "ami_best": (0.7, 0.0, 0.0),
    "f": (0.5, 0.6, 1.0),
    "recall_5": (0.4, None, 1.0),
    "recall_10": (0.5, None, 1.0),
}
"""Of each score its excess over chance as a share of that of AP, its chance likewise, and its interval's width."""
CONTROLS = {"places": ("label", 0.35), "shuffled": ("deeploc", 0.0)}
"""Layer, and excess over chance as a share of that of the first encoder."""
_RUN = ["source", "encoder", "layer", "epoch", "seed"]
_CHANCE = {"recall_5": 0.1, "recall_10": 0.2}


def with_controls(ap: pd.DataFrame) -> pd.DataFrame:
    """Rows of `ap` with further scores, controls, and what was chosen."""
    controls = [row for name in CONTROLS for row in _control(ap, name)]
    every = pd.concat([ap.astype(object), pd.DataFrame(controls, columns=list(ap)).astype(object)], ignore_index=True)
    rows = [row | {"chosen": ""} for row in every.to_dict("records")]
    rows += [_other(row, metric) for row in rows for metric in METRICS if _scored(row, metric)]
    table = pd.DataFrame(rows)
    table["over_chance"] = table["value"] / table["chance"].where(table["chance"] > 0)
    types = {"epoch": "Int64", "seed": "Int64", **dict.fromkeys(["value", "ci_low", "ci_high", "chance"], "float64")}
    return table.astype(types | {"over_chance": "float64", "n_positive_pairs": "Int64"})


def _control(ap: pd.DataFrame, name: str) -> Iterator[dict[str, Any]]:
    layer, share = CONTROLS[name]
    first = ap[(ap["encoder"] == ap["encoder"].iloc[0]) & (ap["seed"] == ap["seed"].min())]
    for row in first.to_dict("records"):
        if name == "places" and row["source"] != "clean":
            continue
        value = row["chance"] + share * (row["value"] - row["chance"]) + 0.003
        yield row | {
            "encoder": name, "layer": layer, "epoch": None, "seed": None,
            "value": value, "ci_low": value - 0.05, "ci_high": value + 0.05,
        }  # fmt: skip


def _scored(row: dict[str, Any], metric: str) -> bool:
    return metric != "ap_within" or row["scale"] != "compartment"


def _other(row: dict[str, Any], metric: str) -> dict[str, Any]:
    excess, chance, width = METRICS[metric]
    chance = _CHANCE[metric] if chance is None else chance * row["chance"]
    value = chance + excess * (row["value"] - row["chance"]) * (
        0 if (metric, row["encoder"]) == ("ap_within", "places") else 1
    )
    half = 0.5 * width * (row["ci_high"] - row["ci_low"]) if width else np.nan
    chosen = "linkage: average; cut: 0.42" if metric in ("ami", "f") else ""
    return row | {
        "metric": metric, "value": value, "ci_low": value - half, "ci_high": value + half, "chance": chance,
        "chosen": chosen, "n_positive_pairs": row["n_positive_pairs"] if metric.startswith("ap") else None,
    }  # fmt: skip


def differences(scores: pd.DataFrame, *, half: float) -> pd.DataFrame:
    """Of every two encoders of a source and two sources of an encoder, with intervals of `half` to each side."""
    rows = []
    for (standard, scale, metric), part in scores.groupby(["standard", "scale", "metric"], sort=False):
        runs = part.groupby(["source", "encoder"], sort=False)["value"].agg(["mean", "size"])
        for (a, one), (b, other) in itertools.combinations(runs.iterrows(), 2):
            if (a[0] == b[0]) == (a[1] == b[1]):
                continue
            value, h = one["mean"] - other["mean"], np.nan if metric == "ami_best" else half
            rows.append(
                (*a, *b, standard, scale, metric, value, value - h, value + h, int(one["size"]), int(other["size"]))
            )
    columns = ["source_a", "encoder_a", "source_b", "encoder_b", "standard", "scale", "metric", "difference", "ci_low",
               "ci_high", "n_seeds_a", "n_seeds_b"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def terms(scores: pd.DataFrame, *, n_terms: int = 20) -> pd.DataFrame:
    """Of each run that has mAP `n_terms` terms of falling mAP around it, the first third of them found."""
    rows = []
    for row in scores[scores["metric"] == "map"].to_dict("records"):
        for number in range(n_terms):
            share = 1 - number / n_terms
            p = 0.002 * (number + 1) if 3 * number < n_terms and row["encoder"] != "shuffled" else 0.6
            rows.append(
                {key: row[key] for key in [*_RUN, "standard", "scale"]}
                | {"term": f"{row['standard']} term {number:02d}", "n_members": 3 + number % 5}
                | {"mean_average_precision": row["chance"] + 2 * share * (row["value"] - row["chance"])}
                | {"chance": row["chance"], "p_value": p / 2, "corrected_p_value": p, "below_corrected_p": p < 0.05}
            )
    return pd.DataFrame(rows).astype({"epoch": "Int64", "seed": "Int64"})


def by_cells(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of encoders that come up to those of all cells, in three draws of cells."""
    rows = []
    own = scores[(scores["metric"] == "ap") & ~scores["encoder"].isin(list(CONTROLS))]
    for row in own.to_dict("records"):
        for n_cells in (1, 3, 10, 30):
            for draw in range(3):
                value = row["chance"] + (row["value"] - row["chance"]) * (n_cells / (n_cells + 4)) + 0.01 * (draw - 1)
                kept = {key: row[key] for key in [*_RUN, "standard", "scale", "metric", "chance", "n_proteins"]}
                rows.append(kept | {"n_cells": n_cells, "draw": draw, "value": value})
    return pd.DataFrame(rows).astype({"epoch": "Int64", "seed": "Int64"})


def notes(scores: pd.DataFrame) -> dict[str, Any]:
    """What the manifest says of the evaluation."""
    own = scores.loc[~scores["encoder"].isin(list(CONTROLS)), _RUN[1:]].drop_duplicates()
    described = {
        "organism": "4932", "id_type": "yeast systematic", "release": "2026-01-31", "licence": "CC-BY-4.0",
        "sha256": "0123456789abcdef" * 4, "evidence": "curation", "losses": {"retired names": 7, "nothing": 0},
        "pairs": False, "terms_dropped": {"too_small": 12, "too_large": 3}, "proteins_profiled": 24,
    }  # fmt: skip
    panels = scores[["standard", "scale"]].drop_duplicates().itertuples(index=False)
    return {
        "standards": {str(standard): {"scale": str(scale), **described} for standard, scale in panels},
        "own_layers": [{key: row[key] if isinstance(row[key], str) else int(row[key]) for key in _RUN[1:]}
                       for row in own.to_dict("records")],
        "places_from": "labels",
        "circular": {"screen_compartment": "the labels alone reach an AP of 0.95"},
        "proteins_lost": {"deeploc/d2/epoch12/seed0/clean": 0, "deeploc/d2/epoch12/seed0/degraded": 3},
    }  # fmt: skip
