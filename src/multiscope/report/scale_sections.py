"""The section on scales of biology: co-annotation, its course, and what is read from single cells."""

from __future__ import annotations

from multiscope import config
from multiscope.report import bars, evaluation_answers, origins, scale_curves, summary, tables
from multiscope.report.album import Album
from multiscope.report.blocks import Block, Details, Section, Table, Text
from multiscope.report.evaluation import Evaluation
from multiscope.report.results import Results
from multiscope.report.scores import of_encoders, read_recognition, read_retrieval

MOST_ROWS = 24
"""Of a table that is not folded."""


def biology(album: Album, results: Results, evaluation: Evaluation) -> Section | None:
    """Co-annotation by scale, and retrieval."""
    scored = _coannotation(album, results, evaluation) if evaluation.has("ap") else []
    blocks = [*scored, *_of_cells(evaluation)]
    return Section("biology", "Scales of biology", blocks) if blocks else None


def _coannotation(album: Album, results: Results, evaluation: Evaluation) -> list[Block]:
    scores, differences = evaluation.scores, evaluation.differences
    results.answers.extend(summary.scale_answers(scores, differences=differences))
    if differences is not None and scores.loc[~scores["control"], "label"].nunique() > 1:
        results.answers.append(evaluation_answers.best_encoder_answers(scores, differences))
    if evaluation.has("ap_within"):
        results.answers.append(evaluation_answers.beyond_answers(scores))
    told = (
        "Intervals that overlap are taken as no clear difference: a cautious rule."
        if differences is None
        else "Which of two encoders is better is not read from overlapping intervals but from the differences below."
    )
    text = (
        "Do proteins that work together have similar profiles? Average precision (AP) of ranking all protein pairs "
        "by similarity, against standards at several scales of biology. Chance is the share of pairs that are "
        "together in the standard; it differs between scales, so compare a bar with its own chance mark. "
        f"Intervals ({confidence(results)}) are from a bootstrap over proteins. Bold values in the table have an "
        f"interval wholly above chance. {told}"
    )
    plot = bars.score_bars(album, scores)
    table = tables.score_table(of_encoders(scores, "ap"))
    blocks: list[Block] = [*origins.circular_notices(evaluation.folder), Text(text), *([plot] if plot else [])]
    blocks.append(folded("AP of all encoders and sources", table))
    if (plotted := scale_curves.by_epoch(album, evaluation.folder)) is not None:
        blocks.append(plotted)
    if (layers := scale_curves.by_layer(evaluation.folder)) is not None:
        blocks.append(Details("Scores by layer", blocks=[layers]))
    return blocks


def confidence(results: Results) -> str:
    """Of the intervals."""
    return f"{100 * (results.run_config.evaluate or config.Evaluate()).confidence:g}%"


def _of_cells(evaluation: Evaluation) -> list[Block]:
    blocks: list[Block] = []
    retrieved = evaluation.folder.path / "retrieval.parquet"
    if retrieved.is_file() and len(retrieval := read_retrieval(retrieved)):
        text = (
            "Retrieval: for each test cell, are the training cells most like it of the same protein? Mean average "
            "precision, chance and intervals as above."
        )
        blocks += [Text(text), folded("All retrieval scores", tables.retrieval_table(retrieval))]
    recognized = evaluation.folder.path / "recognition.parquet"
    if recognized.is_file() and len(recognition := read_recognition(recognized)):
        text = (
            "What can be read from the embedding of a single cell of the test side: accuracy of a linear probe and of "
            "the nearest neighbours, both learned from the embeddings of training cells, for encoders that name "
            "classes and those that do not. Chance is always naming what is commonest in training."
        )
        blocks += [Text(text), folded("All accuracies", tables.read_from_cells(recognition))]
    return blocks


def folded(title: str, table: Table) -> Block:
    """A table as it is, or behind its title where it is long."""
    return table if len(table.rows) <= MOST_ROWS else Details(f"{title} ({len(table.rows)} rows)", blocks=[table])
