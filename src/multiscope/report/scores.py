"""Scores as the page reads them: of each encoder's own layer and of the controls, over the seeds."""

from __future__ import annotations

import operator
from functools import reduce
from pathlib import Path

import pandas as pd

from multiscope.evaluate.controls import PLACES, SHUFFLED
from multiscope.report.inputs import Folder, read_table
from multiscope.report.maps import source_order
from multiscope.standards.standard import SCALES

CONTROLS = (PLACES, SHUFFLED)
RUN = ["source", "encoder", "layer", "epoch", "seed"]
METRICS = {
    "ap": "AP",
    "ap_within": "AP within places",
    "map": "mAP of terms",
    "ami": "AMI",
    "ami_best": "AMI, best of grid",
    "f": "F of clusters",
    "recall_5": "recall, 5% tails",
    "recall_10": "recall, 10% tails",
}
"""Scores in the order of the page, and what they are called there."""
_COLUMNS = [*RUN, "standard", "scale", "metric", "value", "ci_low", "ci_high", "chance", "n_proteins", "n_terms"]
_PAIRS = "n_positive_pairs"
_RETRIEVAL_COUNTS = ["n_proteins", "n_query_cells", "n_reference_cells"]
_CELL_COUNTS = ["n_classes", "n_train_cells", "n_test_cells", "n_fields"]
_VALUES = ["metric", "value", "ci_low", "ci_high", "chance"]


def read_scores(evaluated: Folder) -> pd.DataFrame:
    """All scores by standard and metric, of each encoder's own layer and epoch and of the controls; see `over_seeds`.

    Adds `control`, and `over_chance`, missing where chance is zero. Encoders stand before controls, scales from coarse
    to fine.
    """
    raw = read_table(evaluated.path / "scores.parquet", _COLUMNS)
    raw = own_and_controls(raw.reindex(columns=[*_COLUMNS, _PAIRS]), evaluated)
    table = over_seeds(raw, ["scale", "standard"], ["n_proteins", "n_terms", _PAIRS])
    table["control"] = table["encoder"].isin(CONTROLS)
    table["over_chance"] = (table["value"] / table["chance"]).where(table["chance"] > 0)
    return in_order(table)


def read_retrieval(path: Path) -> pd.DataFrame:
    """Retrieval scores over the seeds, the last epoch of each encoder."""
    return over_seeds(read_table(path, [*RUN, *_VALUES, *_RETRIEVAL_COUNTS]), [], _RETRIEVAL_COUNTS)


def read_recognition(path: Path) -> pd.DataFrame:
    """What can be read from cells, over the seeds, the last epoch of each encoder."""
    return over_seeds(read_table(path, [*RUN, "target", *_VALUES, *_CELL_COUNTS]), ["target"], _CELL_COUNTS)


def of_encoders(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of `read_scores` of one metric, without controls and without what has no value."""
    return scores[(scores["metric"] == metric) & ~scores["control"] & scores["value"].notna()]


def of_controls(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of `read_scores` of one metric that are of controls."""
    return scores[(scores["metric"] == metric) & scores["control"] & scores["value"].notna()]


def reference_source(table: pd.DataFrame) -> str:
    """The source that encoders are compared by: the clean one, or the first there is."""
    return str(min(table["source"].astype(str).unique(), key=source_order))


def panels(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Scale and standard of each standard, from coarse to fine."""
    return sorted(set(zip(table["scale"].astype(str), table["standard"].astype(str), strict=True)), key=_rank)


def panel_title(panel: tuple[str, str], every: list[tuple[str, str]]) -> str:
    """The scale, with the standard's name where it is not the only one of the scale."""
    scale, standard = panel
    return f"{scale}: {standard}" if sum(other == scale for other, _ in every) > 1 else scale


def own_layers(table: pd.DataFrame, evaluated: Folder) -> pd.DataFrame:
    """The rows of the layer and epoch that each encoder embeds cells with, not of those that were swept over."""
    noted = pd.DataFrame(evaluated.notes.get("own_layers", []), columns=RUN[1:])
    return table if noted.empty else table[_run_of(table).isin(set(_run_of(noted)))]


def own_and_controls(table: pd.DataFrame, evaluated: Folder) -> pd.DataFrame:
    """As `own_layers`, with the rows of controls, which have no layer of their own."""
    own = table.index.isin(own_layers(table, evaluated).index)
    return table[own | table["encoder"].isin(CONTROLS).to_numpy()]


def _run_of(table: pd.DataFrame) -> pd.Series:
    texts = [table[key].astype("string").fillna("") for key in RUN[1:]]
    return reduce(lambda one, other: operator.add(one + "/", other), texts)


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """With `label`, the encoder and its layer where several are scored, and `name`, the same in `differences`."""
    table = table.copy()
    for column in ("source", "encoder", "layer"):
        table[column] = table[column].astype("string").fillna("").astype(object)
    one = table.groupby("encoder")["layer"].transform("nunique") == 1
    table["name"] = table["encoder"].where(one, table["encoder"] + "/" + table["layer"])
    plain = one | table["encoder"].isin(CONTROLS)
    table["label"] = table["encoder"].where(plain, table["encoder"] + " (" + table["layer"] + ")")
    return table


def over_seeds(table: pd.DataFrame, what: list[str], counts: list[str]) -> pd.DataFrame:
    """Mean over seeds; the interval reaches from the lowest to the highest bound of any seed.

    Adds `label` and `name` (see `labelled`), `n_seeds` and `sd_seeds`.
    """
    table = labelled(table)
    for column in ("metric", *what):
        table[column] = table[column].astype("string").fillna("").astype(object)
    epoch = pd.to_numeric(table["epoch"], errors="coerce").astype("float64").fillna(-1.0)
    of_seed = [table["encoder"], table["layer"], table["seed"].astype(str)]
    table = table[epoch == epoch.groupby(of_seed).transform("max")]
    keys = [*what, "metric", "label", "name", "encoder", "layer", "source"]
    found = table.groupby(keys, sort=True).agg(
        value=("value", "mean"),
        ci_low=("ci_low", "min"),
        ci_high=("ci_high", "max"),
        chance=("chance", "mean"),
        sd_seeds=("value", "std"),
        n_seeds=("value", "size"),
        **{name: (name, "first") for name in counts},
    )
    rank = [source_order(source)[0] for source in found.index.get_level_values("source")]
    found = found.reset_index().assign(_rank=rank)
    return found.sort_values([*what, "metric", "label", "_rank", "source"]).drop(columns="_rank")


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Scales from coarse to fine, metrics as on the page, encoders before controls; else as it was."""
    metrics = {name: number for number, name in enumerate(METRICS)}
    order = pd.DataFrame(
        {
            "scale": [_rank((scale, ""))[0] for scale in table["scale"]],
            "standard": table["standard"].to_numpy(),
            "metric": [metrics.get(metric, len(metrics)) for metric in table["metric"]],
            "control": table["control"].to_numpy(),
            "row": range(len(table)),
        }
    )
    return table.iloc[order.sort_values(order.columns.tolist()).index].reset_index(drop=True)


def metrics_of(table: pd.DataFrame) -> list[str]:
    """The metrics that a table has, in the order of the page; those it does not know come last."""
    found = table["metric"].astype(str).unique().tolist()
    return [name for name in METRICS if name in found] + sorted(name for name in found if name not in METRICS)


def _rank(panel: tuple[str, str]) -> tuple[int, str]:
    scale, standard = panel
    return SCALES.index(scale) if scale in SCALES else len(SCALES), standard
