"""Does restoring help, and which method most? In words derived from the scores."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from multiscope.report.blocks import Statement, Statements, Verdict, listing, number, plural
from multiscope.report.restoration import INPUT, MAIN, Change, by_image, change, measure
from multiscope.report.restoration_tables import signed

RULE = "fixed"
_LABELS: dict[str, tuple[str, Verdict]] = {
    "better": ("better", "better"),
    "worse": ("worse", "worse"),
    "mixed": ("mixed", "unclear"),
    "unclear": ("no clear difference", "unclear"),
}


@dataclass(frozen=True)
class _Case:
    """One data set and defect: `rows` of `compare` under the fixed rule by (metric, label), and PSNR by image."""

    where: str
    rows: dict[tuple[str, str], pd.Series]
    images: pd.DataFrame

    @property
    def labels(self) -> list[str]:
        """Methods that can be compared with the input, the highest PSNR first."""
        found = [label for metric, label in self.rows if metric == MAIN[0] and self.change(metric, label) is not None]
        return sorted(found, key=lambda label: (-self.rows[MAIN[0], label]["mean"], label))

    def change(self, metric: str, label: str) -> Change | None:
        """From the input."""
        row = self.rows.get((metric, label))
        return None if row is None else row["change"]

    def verdict(self, label: str) -> str:
        """`better`, `worse`, `mixed` or `unclear`, of PSNR and SSIM together."""
        found = [each.verdict for metric in MAIN if (each := self.change(metric, label)) is not None]
        if {"better", "worse"} <= set(found):
            return "mixed"
        return next((verdict for verdict in ("worse", "better") if verdict in found), "unclear")

    def rivals(self) -> list[tuple[str, Change]]:
        """Methods whose PSNR cannot be told from the best one's, with the best one's lead."""
        best, *others = self.labels
        leads = [(label, change(self.images[label], self.images[best], MAIN[0])) for label in others]
        return [(label, lead) for label, lead in leads if lead.verdict == "unclear"]


def restoration_answers(scores: pd.DataFrame, compared: pd.DataFrame) -> Statements:
    """Does restoration beat the input, and which method most? One statement a defect, under the fixed rule."""
    cases = [case for case in _cases(scores, compared) if case.labels]
    items = [_statement(case) for case in cases]
    return Statements("Does restoring beat leaving the image as it is? (rule: fixed)", _headline(cases, items), items)


def _cases(scores: pd.DataFrame, compared: pd.DataFrame) -> list[_Case]:
    fixed = compared[compared["rule"] == RULE]
    several = compared["dataset"].nunique() > 1
    found = []
    for (dataset, defect), part in fixed.groupby(["dataset", "defect"], sort=True):
        rows = {(str(row["metric"]), str(row["label"])): row for _, row in part.iterrows()}
        chosen = scores[
            (scores["dataset"] == dataset)
            & (scores["defect"] == defect)
            & (scores["metric"] == MAIN[0])
            & (scores["rule"] == RULE)
        ]
        found.append(_Case(f"{dataset}, {defect}" if several else str(defect), rows, by_image(chosen)))
    return found


def _headline(cases: list[_Case], items: list[Statement]) -> str:
    """The verdict on the best method of each defect, e.g. Better than the input: noise (cgan or care); worse: axial."""
    words: dict[Verdict, str] = {
        "better": "Better than the input",
        "worse": "worse than the input",
        "unclear": "not clear",
    }
    parts = []
    for verdict, said in words.items():
        named = [_best_named(case) for case, item in zip(cases, items, strict=True) if item.verdict == verdict]
        if named:
            parts.append(f"{said}: {listing(named)}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""


def _best_named(case: _Case) -> str:
    best, *others = case.labels
    if not others:
        return case.where
    equal = [best, *(label for label, _ in case.rivals())]
    if len(equal) > 3:
        return f"{case.where} ({best}, not told apart from {len(equal) - 1} others)"
    return f"{case.where} ({' or '.join(equal)})"


def _statement(case: _Case) -> Statement:
    best, *others = case.labels
    verdict = case.verdict(best)
    opening = f"Of {len(others) + 1} methods {best} has the highest PSNR. " if others else ""
    opening += {
        "mixed": f"{best} is better than the input by one measure and worse by the other.",
        "unclear": f"No clear difference between {best} and the input.",
    }.get(verdict, f"{best} is {verdict} than the input{_by(case, best, verdict)}.")
    changes = [(metric, found) for metric in MAIN if (found := case.change(metric, best)) is not None]
    parts = [
        _change_words(metric, found, case.rows[metric, INPUT]["mean"], case.rows[metric, best]["mean"])
        for metric, found in changes
    ]
    first = changes[0][1]
    base = f"Over {plural(first.n_images, 'test image')} of {plural(first.n_fields, 'field')}."
    if any(found.n_fields < 2 for _, found in changes):
        base += " With one field there is no interval, so nothing can be concluded."
    if infinite := max(found.n_infinite for _, found in changes):
        base += f" {plural(infinite, 'image')} equal to the clean one left out, where PSNR has no value."
    text = " ".join([opening, *parts, *([_against_others(case)] if others else []), base])
    return Statement(text, case.where, *_LABELS[verdict])


def _by(case: _Case, label: str, verdict: str) -> str:
    """Which measure says so, where the other does not."""
    changes = {metric: case.change(metric, label) for metric in MAIN}
    known = {metric: found.verdict for metric, found in changes.items() if found is not None}
    saying = [measure(metric).name for metric, said in known.items() if said == verdict]
    return "" if len(saying) == len(known) else f" in {listing(saying)}, with no clear difference in the other"


def _change_words(metric: str, found: Change, before: float, after: float) -> str:
    described = measure(metric)
    digits, unit = described.digits, f" {described.unit}" if described.unit else ""
    text = f"{described.name} goes from {number(before, digits)} to {number(after, digits)}{unit}"
    if found.mean == found.mean:
        text += f" (change {signed(found.mean, digits)}"
        if found.low == found.low:
            text += f", 95% interval {number(found.low, digits)} to {number(found.high, digits)}"
        text += f"; higher in {found.n_better} of {found.n_images})"
    return text + "."


def _against_others(case: _Case) -> str:
    """How the best method's PSNR stands to that of the others, and theirs to the input."""
    best, *others = case.labels
    rivals = dict(case.rivals())
    if rivals:
        named = [f"{label} (lower by {_lead(lead)})" for label, lead in rivals.items()]
        text = f"Not told apart from it, as the interval of the difference includes zero: {listing(named)}."
    else:
        lead = change(case.images[others[0]], case.images[best], MAIN[0])
        text = f"It is clearly above the next, {others[0]}, by {_lead(lead)}."
    words = {"better": "better", "worse": "worse", "mixed": "mixed", "unclear": "not clear"}
    parts = []
    for verdict, said in words.items():
        named = [label for label in others if case.verdict(label) == verdict]
        if named:
            parts.append(f"{said}: {listing(named)}")
    return f"{text} The others against the input: {'; '.join(parts)}."


def _lead(lead: Change) -> str:
    text = f"{number(lead.mean, 2)} dB"
    return text if lead.low != lead.low else f"{text}, 95% interval {number(lead.low, 2)} to {number(lead.high, 2)}"
