"""The sections on all scores of profiles: tables, differences, terms, numbers of cells, origins."""

from __future__ import annotations

from multiscope.report import (
    cell_counts,
    difference_tables,
    origins,
    recovered,
    score_tables,
)
from multiscope.report.album import Album
from multiscope.report.blocks import Block, Details, Section, Table, Terms, Text
from multiscope.report.evaluation import Evaluation
from multiscope.report.maps import source_order
from multiscope.report.place_sections import beyond_places
from multiscope.report.results import Results
from multiscope.report.scale_sections import biology, confidence, folded
from multiscope.report.scores import METRICS, of_encoders, panels

_METRICS_IN_WORDS = {
    "ap": "all pairs of proteins ranked by the similarity of their profiles; pairs that share a term should come first",
    "ap_within": "the same among pairs of proteins of one place, so that knowing the place is worth nothing",
    "map": "how well the other members of a term are found from one of them",
    "ami": "clusters against the standard's modules (adjusted mutual information; chance is zero), the clustering "
    "chosen on other proteins than those it is scored on",
    "ami_best": "the best clustering of all that were tried, as published: it is chosen by its own score, so too high; "
    "its chance is the same choice with shuffled profiles",
    "f": "pairs in a cluster against pairs in a term, the cut chosen on other proteins",
    "recall_5": "share of the related pairs among the most and the least alike 5% of all pairs; by chance a tenth",
    "recall_10": "the same for 10%; by chance a fifth",
}


def scored(album: Album, results: Results) -> list[Section | None]:
    """All sections on scores of profiles, in the order of the page."""
    if results.evaluated is None:
        return []
    evaluation = Evaluation(results.evaluated)
    return [
        biology(album, results, evaluation),
        all_scores(results, evaluation),
        real_differences(results, evaluation),
        beyond_places(album, results, evaluation),
        recovered_terms(evaluation),
        numbers_of_cells(album, evaluation),
        origin(evaluation),
    ]


def all_scores(results: Results, evaluation: Evaluation) -> Section | None:
    """A table a standard of every score of every encoder; other sources folded."""
    scores, source = evaluation.scores, evaluation.source
    every = panels(scores)
    shown = _tables(evaluation, every, source)
    if not shown:
        return None
    words = Terms([(METRICS[name], words) for name, words in _METRICS_IN_WORDS.items() if evaluation.has(name)])
    bold = (
        "No paired differences were made, so that no best encoder is marked."
        if evaluation.differences is None
        else "Bold: the highest of a column, where its paired difference to the second leaves zero out."
    )
    text = (
        f"Every score of every encoder. Below a value: its interval ({confidence(results)}); how many times chance "
        f"it is; and the spread over seeds, where there are several, of which the value is the mean. {bold}"
    )
    if scores["control"].any():
        text += (
            " Grey: profiles that say nothing but where a protein is (places), and profiles that were dealt to other "
            "proteins at random (shuffled). An encoder that is not above places has shown nothing beyond them."
        )
    folds = _other_sources(evaluation, every, source)
    if (choices := score_tables.choices(evaluation.folder)) is not None:
        folds.append(Details("How clusters and cuts were chosen", blocks=[choices]))
    missing = [Text(said)] if (said := evaluation.missing()) else []
    return Section("scores", "All scores", [Text(text), words, *missing, *shown, *folds])


def _other_sources(evaluation: Evaluation, every: list[tuple[str, str]], source: str) -> list[Block]:
    others = sorted(set(evaluation.scores["source"]) - {source}, key=source_order)
    found: list[Block] = []
    for other in others:
        found.append(Details(f"The same on {other} images", blocks=_tables(evaluation, every, other)))
    return found


def _tables(evaluation: Evaluation, every: list[tuple[str, str]], source: str) -> list[Block]:
    known = origins.circular(evaluation.folder)
    found = [
        score_tables.standard_table(
            evaluation.scores, evaluation.differences, panel, source, circular=panel[1] in known
        )
        for panel in every
    ]
    return [table for table in found if table is not None]


def real_differences(results: Results, evaluation: Evaluation) -> Section | None:
    """Encoders against each other, and sources of each encoder."""
    if evaluation.differences is None:
        return None
    blocks = [*_of_encoders(evaluation, "ap"), *_of_encoders(evaluation, "ap_within")]
    sources = difference_tables.source_table(evaluation.scores, evaluation.differences, "ap")
    if sources is not None:
        said = "The same encoder on other images: what degrading costs, and what restoring brings back."
        blocks += [Text(said), folded("Differences of images", sources)]
    if not blocks:
        return None
    text = (
        "Two intervals may overlap although one encoder is clearly better, because both rise and fall with the "
        "proteins that are drawn. So both are scored on the same draws of proteins, and the difference has an interval "
        f"of its own ({confidence(results)}; it holds no spread over seeds), whose ends stand below it. Blue: the "
        "first is higher, orange: lower; pale: the interval holds zero, so the difference may be none. Nothing is "
        "corrected for the number of comparisons: of twenty that are none, one looks clear."
    )
    return Section("differences", "Which differences are real", [Text(text), *blocks])


def _of_encoders(evaluation: Evaluation, metric: str) -> list[Block]:
    """Who is ahead, then the matrices; those within places are folded."""
    scores, differences = evaluation.scores, evaluation.differences
    if differences is None:
        return []
    leaders = difference_tables.leader_table(scores, differences, metric)
    found = [
        difference_tables.encoder_matrix(scores, differences, panel, metric)
        for panel in panels(of_encoders(scores, metric))
    ]
    matrices: list[Table] = [table for table in found if table is not None]
    shown: list[Block] = [] if leaders is None else [leaders]
    if metric == "ap":
        return [*shown, *matrices]
    title = f"{METRICS[metric]}: every two encoders"
    return [*shown, *([Details(title, blocks=matrices)] if matrices else [])]


def recovered_terms(evaluation: Evaluation) -> Section | None:
    """How many terms are found, and which best."""
    if evaluation.terms is None:
        return None
    ranked = recovered.best_terms(evaluation.terms)
    text = (
        "Terms one by one: from each of its members, are the others the most similar proteins? Mean average precision "
        "(mAP) over members. A term is found where its p-value, from rankings at random and corrected for the number "
        f"of terms of the standard, is below {recovered.LEVEL:g}. Terms found, on {evaluation.source} images:"
    )
    found = recovered.found_table(evaluation.terms)
    which = (
        f"The {recovered.MOST_TERMS} best terms of each standard, by the encoder with the highest mean. Bold: found. "
        "Small terms reach a high mAP by few pairs: compare with chance and p."
    )
    return Section("terms", "Recovered terms", [Text(text), found, Text(which), *(table for _, table in ranked)])


def numbers_of_cells(album: Album, evaluation: Evaluation) -> Section | None:
    """Scores by number of cells."""
    plot = cell_counts.by_cells(album, evaluation.folder)
    if plot is None:
        return None
    text = (
        "How many cells of a protein does a profile need? Where a curve has become flat, more cells would not help; "
        "where it still rises at its end, they would."
    )
    return Section("cellcounts", "How many cells are needed", [Text(text), plot])


def origin(evaluation: Evaluation) -> Section | None:
    """Where standards come from."""
    table = origins.origin_table(evaluation.folder)
    if table is None:
        return None
    text = (
        "Where the standards come from, and what of them could not be used. Scores of other releases, or of other "
        f"proteins, cannot be compared with these. {origins.lost_proteins(evaluation.folder)}"
    )
    return Section("standards", "Standards", [Text(text.rstrip()), table])
