"""The section on what profiles know beyond the compartment."""

from __future__ import annotations

from multiscope.report import beyond, place_maps
from multiscope.report.album import Album
from multiscope.report.blocks import Block, Section, Text
from multiscope.report.evaluation import Evaluation
from multiscope.report.maps import methods
from multiscope.report.results import Results
from multiscope.report.scores import METRICS
from multiscope.report.standards import places_by


def beyond_places(album: Album, results: Results, evaluation: Evaluation) -> Section | None:
    """Scores within places, and maps of single places."""
    plots: list[Block] = []
    if (dots := beyond.beyond_dots(album, evaluation.scores)) is not None:
        plots.append(dots)
    plots += _place_maps(album, results, evaluation)
    if not plots:
        return None
    text = (
        "Proteins that work together are mostly in the same compartment, so that an encoder that recognises nothing "
        "but compartments scores above chance at every scale."
    )
    if dots is not None:
        text += (
            f" {METRICS['ap_within']} compares only pairs of proteins of the same place (places are those of "
            f"{_said_by(evaluation)}): there the place tells nothing, and a score of 1 times chance means that the "
            "profiles know nothing beyond the compartment. What is clearly above 1 was seen in the images and is not "
            "the compartment."
        )
    return Section("beyond", "Beyond the compartment", [Text(text), *plots])


def _said_by(evaluation: Evaluation) -> str:
    said_by = {"": "the annotation", "labels": "the labels of the data set"}
    return said_by.get(evaluation.places_from, f"the standard {evaluation.places_from}")


def _place_maps(album: Album, results: Results, evaluation: Evaluation) -> list[Block]:
    """Of the best encoder, where its profiles were given."""
    best = evaluation.best_encoder()
    folder = next((each for each in results.first_embeddings if each.name == best), None)
    if folder is None:
        return []
    by = next((each for each in results.standards if each.name == evaluation.places_from), None)
    profiles = place_maps.placed_profiles(folder, None if by is None else places_by(by))
    if profiles is None:
        return []
    drawn = [
        place_maps.place_map(
            album, folder, profiles, results.standards, most_members=results.most_members, method=method
        )
        for method in methods()
    ]
    return [plot for plot in drawn if plot is not None]
