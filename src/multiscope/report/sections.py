"""The sections of the page: what is shown, how to read it, what to be careful about."""

from __future__ import annotations

import yaml

from multiscope.report import (
    curves,
    gallery,
    quality,
    strips,
    tables,
    usage,
)
from multiscope.report.album import Album
from multiscope.report.blocks import Block, Details, Section, Terms, Text, listing, plural
from multiscope.report.inputs import Folder, read_table
from multiscope.report.results import Results


def what_was_run(results: Results) -> Section:
    """Stages, configuration, versions, seeds, counts."""
    blocks: list[Block] = [Text(_about(results, folder)) for folder in results.data]
    trained = [*results.generators, *results.restored, *results.localized]
    seeds = sorted({folder.seed for folder in trained if folder.seed is not None})
    facts = [("seeds of the trainings", listing([str(seed) for seed in seeds]))] if seeds else []
    facts += [(f"content network of {users}", text) for users, text in tables.content_networks(results.folders)]
    if facts:
        blocks.append(Terms(facts))
    images = [*results.data, *results.segmented, *(folder for folder in results.crops if folder.stage == "crop")]
    counts = tables.count_table([*images, *([results.evaluated] if results.evaluated else [])])
    all_counts = tables.count_table(results.folders)
    if counts is not None:
        blocks.append(Text("What was used, and what was left out with the reason:"))
        blocks.append(counts)
    resolved = yaml.safe_dump(results.run_config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    if all_counts is not None:
        blocks.append(Details("Counts of every result", blocks=[all_counts]))
    blocks.append(Details("Stages and when they ran", blocks=[tables.stage_table(results.folders)]))
    blocks.append(Details("Configuration, with every default", pre=resolved))
    blocks.append(Details("Versions of the software", blocks=[tables.version_table(results.folders)]))
    return Section("run", "What was run", blocks)


def _about(results: Results, folder: Folder) -> str:
    if results.is_generated(folder):
        return (
            f"The data set {folder.name} is generated: its images and their biology are made by the computer. "
            "Scores on it say whether the chain works, not how well it does on a microscope's images."
        )
    defects = ""
    if results.reader(folder) == "pairs":
        defects = " They are real pairs: the degraded and the clean image of each field, both as they were read."
    elif strips.defects_of(folder):
        defects = " Its defects were put on the images by forward models; the images as given are taken as clean."
    return f"The data set {folder.name} is real: images that were read from files.{defects}"


def what_they_look_like(album: Album, results: Results) -> Section | None:
    """Warnings and intensities of each data set."""
    blocks = [block for folder in results.data for block in quality.quality_blocks(album, folder)]
    if not blocks:
        return None
    text = (
        "Every image was looked at while it was read. A warning says what was seen in numbers, and what to do; it does "
        "not mean that the images cannot be used, but every score below has to be read with it in mind."
    )
    return Section("quality", "What the images look like", [Text(text), *blocks])


def images(album: Album, results: Results, n_examples: int) -> Section | None:
    """Strips of test fields."""
    plots = []
    for folder in results.data:
        if not (folder.path / "fields.parquet").is_file():
            continue
        plots += strips.strips(album, folder, results.methods_of(folder), n_examples, results.pixel_size(folder))
    if not plots:
        return None
    text = "Fields of the test side, which no network has seen in training."
    if any(strips.defects_of(folder) for folder in results.data):
        text += (
            " The images of a field stand side by side, with their error maps below. They share one intensity window, "
            "taken from the clean image and stated at the left. Error maps show the absolute difference to the clean "
            "image; one scale holds for all maps of a figure. A good restoration has a darker error map than the "
            "degraded image. Smooth images are not better images: look for structures that were lost or made up."
        )
    if any(restored.seed is not None for restored in results.restored):
        text += f" Restored images are those of seed {results.restored[0].seed}."
    return Section("images", "Images", [Text(text), *plots])


def cells(album: Album, results: Results) -> Section | None:
    """Galleries of crops, and what was dropped."""
    blocks: list[Block] = []
    given: list[Block] = [
        gallery.given_crops(album, folder) for folder in results.data if folder.notes.get("kind") == "crops"
    ]
    for cut in gallery.cuts(results.crops, results.data, results.segmented):
        kept, windows = gallery.kept_cells(album, cut)
        dropped = gallery.dropped_cells(album, cut, windows)
        blocks += [gallery.fields_with_cells(album, cut), kept, *([dropped] if dropped else [])]
        blocks += [Text(_beyond(cut)), tables.drop_table(cut.first)]
    if given:
        as_given = "Crops that were given as they are: this run did not cut them, and does not know what was left out."
        given = [Text(as_given), *given]
    if not blocks:
        return Section("cells", "Cells", given) if given else None
    text = (
        "Single cells cut from the fields. Look whether outlines follow the cells, whether cells were split or merged, "
        "and whether what was dropped deserved it: the scores below are only as good as these crops. Objects are "
        "chosen by the clean images, so that every source has the same cells."
    )
    if results.segmented:
        method = results.segmented[0].manifest.get("config", {}).get("method", "")
        text += f" The cells were found by this run (segment.method: {method}), not given."
    return Section("cells", "Cells", [Text(text), *blocks, *given])


def _beyond(cut: gallery.Cut) -> str:
    """The crops that do not show a whole cell or a whole piece of the field."""
    table = read_table(cut.first.path / "crops.parquet", ["n_padded", "n_cut"])
    padded, larger = int((table["n_padded"] > 0).sum()), int((table["n_cut"] > 0).sum())
    return (
        f"Of {plural(len(table), 'crop')} of {cut.name}, {cut.config.size} x {cut.config.size} pixels each, "
        f"{larger:,} {'shows' if larger == 1 else 'show'} a cell that is larger than the crop, and {padded:,} "
        f"{'leaves' if padded == 1 else 'leave'} the field and {'was' if padded == 1 else 'were'} padded with its edge."
    )


def training(album: Album, results: Results) -> Section | None:
    """Curves of every trained model."""
    found = curves.histories([*results.generators, *results.restored, *results.localized])
    plots = [curves.curves(album, stage, model, history) for (stage, model), history in found.items()]
    blocks: list[Block] = [plot for plot in plots if plot is not None]
    if not blocks:
        return None
    text = (
        "Losses while each network learned. Losses of adversarial networks need not fall: generator and critic pull "
        "against each other. Where there is a validation curve, a widening gap to the training curve means that the "
        "network learns its training cells by heart. Where a history is long, its rows are grey and their running mean "
        "is coloured."
    )
    return Section("training", "Training", [Text(text), *blocks])


def time_and_memory(album: Album, results: Results) -> Section | None:
    """Benchmarks of the rules."""
    if results.benchmarks is None:
        return None
    jobs = usage.read_benchmarks(results.benchmarks)
    if jobs.empty:
        return None
    rules = usage.by_rule(jobs)
    text = (
        f"Wall time and highest memory of {plural(len(jobs), 'job')}, as measured by Snakemake on the machine that ran "
        "them. Jobs that run side by side share it, so times are not those of a job alone. Jobs of a few seconds are "
        "too short for memory to be measured."
    )
    return Section("usage", "Time and memory", [Text(text), usage.usage_bars(album, rules), tables.usage_table(rules)])


def summary_section(results: Results) -> Section:
    """The answers; to be made last, shown first."""
    n = len(results.data)
    if not any(answer.items for answer in results.answers):
        return Section("summary", "Summary", [Text(f"{plural(n, 'data set')} read; no stage that is scored has run.")])
    text = "Written from the tables below. A difference is called clear only where the intervals allow it."
    if n and all(results.is_generated(folder) for folder in results.data):
        text += " All data are generated."
    return Section("summary", "Summary", [Text(text), *(answer for answer in results.answers if answer.items)])
