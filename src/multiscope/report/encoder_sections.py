"""The sections on encoders: what classifiers name, how surely and where they look; maps and neighbours of proteins."""

from __future__ import annotations

import math

from multiscope.report import (
    calibration,
    classes,
    confident,
    confusion,
    maps,
    neighbours,
    roc,
    saliency,
    summary,
    tables,
)
from multiscope.report.album import Album
from multiscope.report.blocks import Block, Details, Section, Text, percent, plural
from multiscope.report.predictions import Predictions, predictions
from multiscope.report.results import Results
from multiscope.report.standards import Shared
from multiscope.report.term_maps import term_map

MOST_IN_DETAIL = 4
"""Classifiers with figures by class, and encoders with neighbours: the page is to stay of a size that opens."""


def localization(album: Album, results: Results) -> Section | None:
    """Accuracy and confusion matrices."""
    found = predictions(results.localized)
    if not found:
        return None
    scored = [confusion.recognition(encoder, each.table) for encoder, each in found.items()]
    results.answers.append(summary.recognition_answers(scored))
    plots = [confusion.confusion(album, r, found[r.encoder].table) for r in scored]
    text = (
        "Compartments named by the classifiers for test cells. Each row of the matrix holds the cells of one "
        "true compartment, so the diagonal shows how many of them were recognised. Balanced accuracy is the mean of "
        "the diagonal, each compartment counting alike. Chance is the accuracy of always naming the commonest "
        "compartment. The interval allows for cells of one field resembling each other. Cells without a label are left "
        f"out. {_sides(results)}"
    )
    return Section("localization", "Localization", [Text(text), tables.recognition_table(scored), *plots])


def _sides(results: Results) -> str:
    """What training has seen of the cells that are scored."""
    notes = results.localized[0].notes
    by = str(notes.get("split_by", "data"))
    if by == "data":
        localize = results.run_config.localize
        section = None if localize is None else results.run_config.data.get(localize.data)
        by = "field" if section is None else section.split.by
    if by == "protein":
        return "No cell of a protein that is scored was seen in training."
    if by == "cell":
        n = int(notes.get("n_overlapping") or 0)
        overlap = f" Crops of the test side that share pixels with a training crop: {n:,}." if n else ""
        return (
            "Cells of the same fields and proteins were seen in training, so that scores flatter: split by field or by "
            f"protein to know more.{overlap}"
        )
    return f"Its proteins were seen in training too, in other {by}s."


def confidence(album: Album, results: Results) -> Section | None:
    """Calibration, ROC, cells by confidence and saliency of the most accurate classifiers."""
    found = {encoder: each for encoder, each in predictions(results.localized).items() if each.shown}
    if not found:
        return None
    results.answers.append(
        summary.confidence_answers([(encoder, calibration.confidence(each)) for encoder, each in found.items()])
    )
    best = sorted(found.values(), key=lambda each: -float((each.table["truth"] == each.table["predicted"]).mean()))
    text = (
        "A classifier gives every class a probability. Can it be taken at its word (calibration), does it rank the "
        "cells of a class before others (ROC), on which cells is it sure, and where in them does it look?"
    )
    if len(best) > MOST_IN_DETAIL:
        text += f" Shown are the {MOST_IN_DETAIL} most accurate of {len(best)} classifiers."
    blocks: list[Block] = [Text(text)]
    for each in best[:MOST_IN_DETAIL]:
        scores = classes.class_scores(each)
        table = classes.class_table(scores)
        plots = [calibration.calibration(album, each, scores), roc.roc_curves(album, each, scores)]
        blocks += [plot for plot in plots if plot is not None]
        blocks.append(Details(f"{each.encoder}: scores by class", blocks=[table]))
    return Section("confidence", "Confidence", [*blocks, *_pictures(album, results, best)])


def _pictures(album: Album, results: Results, best: list[Predictions]) -> list[Block]:
    """Cells of the most accurate classifier whose crops were given, and saliency of the most accurate that has one."""
    given = [(each, crops) for each in best if (crops := results.crops_of(each.folders[0])) is not None]
    found: list[Block] = [confident.confident_cells(album, *pair) for pair in given[:1]]
    explained = [pair for pair in given if saliency.can_explain(pair[0])]
    return found + [saliency.saliency(album, *pair) for pair in explained[:1]]


def embedding_maps(album: Album, results: Results) -> Section | None:
    """Maps of each encoder, with clouds of compartments and of terms."""
    known, most = results.standards, results.most_members
    blocks: list[Block] = []
    firsts = results.first_embeddings
    for folder in firsts:
        points = maps.points_of(folder)
        if points.table.empty:
            continue
        for method in maps.methods():
            data = maps.located(points, method)
            blocks.append(maps.embedding_map(album, folder, points, data, method))
            if method == "t-SNE" and points.what == "protein":
                source = min(data["source"].unique(), key=maps.source_order)
                plot = term_map(album, folder, data[data["source"] == source], known, most_members=most)
                blocks += [] if plot is None else [plot]
    if not blocks:
        return None
    text = (
        "Each point is placed so that its nearest neighbours in the embedding stay near (t-SNE). Colours are annotated "
        "compartments: groups of one colour mean that the encoder found the compartment. Only who is near whom can be "
        "read; distances between groups, their sizes and directions mean nothing, and each panel is a map of its own. "
        "The scores below are the measure, the map is an illustration."
    )
    if len(results.embeddings) > len(firsts):
        text += " One seed of each encoder is shown."
    return Section("maps", "Embedding maps", [Text(text), *blocks])


def nearest(album: Album, results: Results) -> Section | None:
    """Nearest neighbours of proteins."""
    shared = Shared(results.standards, results.most_members)
    blocks: list[Block] = []
    for folder in results.first_embeddings[:MOST_IN_DETAIL]:
        found = neighbours.neighbours(folder, shared)
        if found.empty:
            continue
        name = album.keep(f"neighbours_{folder.name}", found)
        n, table = found["protein"].nunique(), neighbours.neighbour_table(found)
        same, chance = neighbours.shares(found)
        share = f"{percent(same)} of them have a compartment in common with it, by chance {percent(chance)}. "
        of = "" if len(table.rows) == n else f"{len(table.rows):,} of "
        folded = Details(f"{folder.name}: nearest neighbours of {of}{plural(n, 'protein')}", blocks=[table])
        seed = "" if folder.seed is None else f", seed {folder.seed}"
        text = f"{folder.name}{seed}, {found['source'].iloc[0]} images: the nearest {neighbours.EACH} of each protein. "
        blocks += [Text(f"{text}{'' if math.isnan(same) else share}Data: figures/{name}.csv"), folded]
    if not blocks:
        return None
    text = (
        "Proteins whose profiles are most like that of a protein, with the cosine of the two (1: the same direction). "
        "Bold: they have a compartment in common; below, the scales at which they share a term of a standard. A "
        "protein among neighbours of another kind may be annotated wrongly, or be a find."
    )
    return Section("neighbours", "Nearest neighbours", [Text(text), *blocks])
