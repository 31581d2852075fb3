"""The stage `report`: one page that opens from disk, with what was run, its images, scores and costs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from multiscope import config
from multiscope.folders.manifest import stage_output
from multiscope.report import STAGE_VERSION, encoder_sections, evaluation_sections, page, restoration_sections, sections
from multiscope.report.album import Album
from multiscope.report.blocks import Section, listing
from multiscope.report.inputs import open_folders, table_in
from multiscope.report.results import Results


def run(
    *,
    out: Path,
    config: config.Report,
    run_config: config.Config,
    data: Sequence[Path],
    generators: Sequence[Path] = (),
    pairs: Sequence[Path] = (),
    restored: Sequence[Path] = (),
    restore_scores: Path | None = None,
    trust: Sequence[Path] = (),
    segmented: Sequence[Path] = (),
    crops: Sequence[Path] = (),
    localized: Sequence[Path] = (),
    embeddings: Sequence[Path] = (),
    evaluated: Path | None = None,
    benchmarks: Path | None = None,
) -> None:
    """Write `index.html` and `figures/` to the stage folder `out`; what did not run has no section.

    `generators` and `pairs` are the folders of `augment`. `restore_scores` is the gathered table, those of a sweep
    among them, or the folder that holds it as `scores.parquet`. `benchmarks` holds Snakemake's benchmark files.
    """
    several = {
        "data": data,
        "generators": generators,
        "pairs": pairs,
        "restored": restored,
        "trust": trust,
        "segmented": segmented,
        "crops": crops,
        "localized": localized,
        "embeddings": embeddings,
    }
    inputs = {f"{name}/{i}": Path(path) for name, paths in several.items() for i, path in enumerate(paths)}
    scores = None if restore_scores is None else table_in(Path(restore_scores), "scores.parquet")
    inputs |= {} if scores is None else {"restore_scores": scores}
    inputs |= {} if evaluated is None else {"evaluated": Path(evaluated)}
    results = Results(
        run_config=run_config,
        evaluated=None if evaluated is None else open_folders([evaluated])[0],
        restore_scores=scores,
        benchmarks=None if benchmarks is None else Path(benchmarks),
        data=open_folders(data),
        generators=open_folders(generators),
        pairs=open_folders(pairs),
        restored=open_folders(restored),
        trust=open_folders(trust),
        segmented=open_folders(segmented),
        crops=open_folders(crops),
        localized=open_folders(localized),
        embeddings=open_folders(embeddings),
    )
    section = json.loads(config.model_dump_json())
    with stage_output(out, stage="report", version=STAGE_VERSION, config=section, inputs=inputs) as made:
        album = Album(made.path / "figures")
        shown = build(album, results, n_examples=config.n_examples)
        names = listing([folder.name for folder in results.data])
        subtitle = f"multiscope report on {names}, written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        html = page.render(title=config.title, subtitle=subtitle, sections=shown)
        (made.path / "index.html").write_text(html, encoding="utf-8")
        made.count("figures", len(album.plots))
        made.note("sections", [section.name for section in shown])


def build(album: Album, results: Results, *, n_examples: int) -> list[Section]:
    """The sections in the order of the page."""
    found = [
        sections.what_was_run(results),
        sections.what_they_look_like(album, results),
        sections.images(album, results, n_examples),
        sections.cells(album, results),
        restoration_sections.restored(album, results),
        restoration_sections.amounts_of_pairs(album, results),
        restoration_sections.trusted_section(album, results),
        restoration_sections.made_pairs(album, results),
        sections.training(album, results),
        encoder_sections.localization(album, results),
        encoder_sections.confidence(album, results),
        encoder_sections.embedding_maps(album, results),
        encoder_sections.nearest(album, results),
        *evaluation_sections.scored(album, results),
        sections.time_and_memory(album, results),
    ]
    return [sections.summary_section(results), *(section for section in found if section is not None)]
