"""The answers at the top of the page, in words derived from the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from multiscope.metrics.intervals import MeanInterval
from multiscope.report.blocks import Statement, Statements, Verdict, number, percent, plural
from multiscope.report.confusion import Recognition
from multiscope.report.differences import Differences
from multiscope.report.scores import of_encoders

MOST_ENCODERS = 3
FEWEST_PAIRS = 10
"""Related pairs below which an average precision is no ground for a verdict: resampling cannot show what is missing."""
_LABELS: dict[str, tuple[str, Verdict]] = {
    "better": ("better", "better"),
    "worse": ("worse", "worse"),
    "unclear": ("no clear difference", "unclear"),
}


def recognition_answers(found: Sequence[Recognition]) -> Statements:
    """Is localization recognised in cells that were never trained on?"""
    best = max(found, key=lambda r: r.accuracy)
    headline = f"{best.encoder} names the right compartment for {percent(best.accuracy)} of the cells"
    headline += f"; chance is {percent(best.chance)}."
    return Statements("Is localization recognised in held-out cells?", headline, [_recognition(r) for r in found])


def _recognition(r: Recognition) -> Statement:
    low, high = r.interval
    said = (
        f"{percent(r.accuracy, 1)} of {plural(r.n_cells, 'held-out cell')} from {plural(r.n_fields, 'field')} right "
        f"(95% interval {percent(low, 1)} to {percent(high, 1)}; balanced accuracy {percent(r.balanced, 1)}). "
        f"Always naming the commonest compartment, {r.majority}, would give {percent(r.chance, 1)}."
    )
    if low > r.chance:
        return Statement(said, r.encoder, "above chance", "better")
    if high < r.chance:
        return Statement(f"{said} It does not work here.", r.encoder, "below chance", "worse")
    return Statement(f"{said} The interval includes chance.", r.encoder, "not above chance", "unclear")


def confidence_answers(found: Sequence[tuple[str, MeanInterval]]) -> Statements:
    """Do the probabilities of classifiers mean what they say? By how much they are above what is right."""
    items = [_confidence(encoder, excess) for encoder, excess in found]
    off = sum(item.verdict == "worse" for item in items)
    headline = (
        f"Of {plural(len(items), 'classifier')}, {off} {'is' if off == 1 else 'are'} clearly too sure or too careful."
    )
    return Statements("Do the probabilities of compartments mean what they say?", headline, items)


def _confidence(encoder: str, excess: MeanInterval) -> Statement:
    low, high = excess.low, excess.high
    said = (
        f"The probability of what is named is on average {percent(abs(excess.value), 1)} "
        f"{'above' if excess.value >= 0 else 'below'} the share of cells that are right"
    )
    if math.isnan(low):
        return Statement(f"{said}; without an interval nothing can be concluded.", encoder, "no interval", "unclear")
    said += f" (difference {percent(low, 1)} to {percent(high, 1)}, 95%)."
    if low > 0:
        return Statement(said, encoder, "too sure", "worse")
    if high < 0:
        return Statement(said, encoder, "too careful", "worse")
    return Statement(f"{said} The interval includes no difference.", encoder, "not clearly off", "unclear")


def scale_answers(scores: pd.DataFrame, metric: str = "ap", differences: Differences | None = None) -> list[Statements]:
    """Biology in the profiles, by scale; and what degrading and restoring do to it."""
    chosen = of_encoders(scores, metric)
    above, changes = [], []
    for (scale, standard), part in chosen.groupby(["scale", "standard"], sort=False):
        where = (
            f"{scale} ({standard})" if chosen.loc[chosen["scale"] == scale, "standard"].nunique() > 1 else str(scale)
        )
        for label in _best_encoders(part):
            rows = {str(row["source"]): row for _, row in part[part["label"] == label].iterrows()}
            source = "clean" if "clean" in rows else next(iter(rows))
            above.append(_against_chance(where, label, source, rows[source]))
            changes += _changes(where, label, rows, differences)
    name = metric.upper()
    found = []
    if above:
        headline = _by_scale(above)
        found.append(Statements(f"Is biology found in the profiles? ({name} against standards)", headline, above))
    if changes:
        headline = _shares(changes)
        found.append(Statements(f"What do degrading and restoring do to it? ({name})", headline, changes))
    return found


def _by_scale(items: Sequence[Statement]) -> str:
    """Above chance, by scale: at how many of the encoders."""
    scales = list(dict.fromkeys(item.lead.rsplit(", ", 1)[0] for item in items))
    parts = []
    for scale in scales:
        own = [item for item in items if item.lead.rsplit(", ", 1)[0] == scale]
        parts.append(f"{scale} with {sum(item.verdict == 'better' for item in own)} of {plural(len(own), 'encoder')}")
    return f"Above chance: {'; '.join(parts)}."


def _shares(items: Sequence[Statement]) -> str:
    """How many comparisons came out clear, and which way."""
    raised, lowered = (sum(item.verdict == verdict for item in items) for verdict in ("better", "worse"))
    unclear = len(items) - raised - lowered
    return (
        f"Of {plural(len(items), 'comparison')}, {raised} clearly raised, {lowered} clearly lowered, "
        f"{unclear} without a clear difference."
    )


def _best_encoders(part: pd.DataFrame) -> list[str]:
    """The encoders with the highest scores on clean images, or on what there is."""
    reference = part[part["source"] == "clean"] if (part["source"] == "clean").any() else part
    best = reference.groupby("label")["value"].max().sort_values(ascending=False, kind="stable")
    return [str(label) for label in best.index[:MOST_ENCODERS]]


def _against_chance(where: str, label: str, source: str, row: pd.Series) -> Statement:
    lead = f"{where}, {label}"
    text = f"{_interval(row)} on {source} images, chance {number(row['chance'], 2)}, over "
    text += f"{plural(int(row['n_proteins']), 'protein')}."
    if pd.isna(row["ci_low"]) or pd.isna(row["ci_high"]):
        return Statement(f"{text} Without an interval nothing can be concluded.", lead, "no interval", "unclear")
    if not pd.isna(row["n_positive_pairs"]) and row["n_positive_pairs"] < FEWEST_PAIRS:
        few = plural(int(row["n_positive_pairs"]), "related pair")
        return Statement(f"{text} With {few} nothing can be concluded.", lead, "too few pairs", "unclear")
    if row["ci_low"] > row["chance"]:
        return Statement(text, lead, "above chance", "better")
    if row["ci_high"] < row["chance"]:
        return Statement(f"{text} Related proteins are less alike than others.", lead, "below chance", "worse")
    return Statement(f"{text} The interval includes chance.", lead, "not above chance", "unclear")


def _changes(where: str, label: str, rows: dict[str, pd.Series], differences: Differences | None) -> list[Statement]:
    if "degraded" not in rows:
        return []
    degraded, lead = rows["degraded"], f"{where}, {label}"
    found = []
    for source in (source for source in rows if source.startswith("restored")):
        restored = rows[source]
        clean = f"clean {_interval(rows['clean'])}, " if "clean" in rows else ""
        text = f"{clean}degraded {_interval(degraded)}, {source} {_interval(restored)}."
        said, badge = _compared("Restoring", "After restoring", degraded, restored, differences)
        found.append(Statement(f"{text} {said}", lead, *badge))
    if not found and "clean" in rows:
        text = f"clean {_interval(rows['clean'])}, degraded {_interval(degraded)}."
        said, badge = _compared("Degrading", "After degrading", rows["clean"], degraded, differences)
        found.append(Statement(f"{text} {said}", lead, *badge))
    return found


def _compared(
    doing: str, done: str, before: pd.Series, after: pd.Series, differences: Differences | None
) -> tuple[str, tuple[str, Verdict]]:
    """Whether it is higher or lower after: by the paired difference where there is one, else by the intervals."""
    runs = ((str(row["source"]), str(row["name"])) for row in (after, before))
    found = differences.between(str(after["standard"]), str(after["metric"]), *runs) if differences else None
    if found is not None and found.low == found.low:
        paired, clear = f" (paired difference {number(found.low, 3)} to {number(found.high, 3)})", found.clear
        unclear = f"{paired}: no clear difference"
    else:
        paired, clear, unclear = "", not _overlap(before, after), ", but the intervals overlap: no clear difference"
    moved = after["value"] - before["value"]
    if clear:
        higher = moved > 0
        return f"{doing} {'raises' if higher else 'lowers'} it{paired}.", _LABELS["better" if higher else "worse"]
    towards = "higher than" if moved > 0 else "lower than" if moved < 0 else "the same as"
    return f"{done} it is {towards} before{unclear}.", _LABELS["unclear"]


def _overlap(one: pd.Series, other: pd.Series) -> bool:
    """True also where an interval is missing: no difference is claimed without one."""
    return not (one["ci_high"] < other["ci_low"] or other["ci_high"] < one["ci_low"])


def _interval(row: pd.Series) -> str:
    return f"{number(row['value'], 2)} ({number(row['ci_low'], 2)} to {number(row['ci_high'], 2)})"
