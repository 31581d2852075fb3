"""Whether the cells of a split show every class."""

from __future__ import annotations

from collections.abc import Mapping

from multiscope.data.labels import Labels
from multiscope.errors import InputError
from multiscope.localize.task import Task


def check_classes(labels: Labels, task: Task, least: Mapping[str, int]) -> None:
    """Refuse labels of one class only, or with fewer cells of a class on a side than `least` says."""
    where = task.crops.path
    if not labels.known.any():
        raise InputError(
            f"{where}: no cell has a label to learn from; add the data set's 'localization', or set the encoder's "
            "places to combined or several where proteins are in several"
        )
    if len(labels.classes) < 2:
        raise InputError(f"{where}: only one class, '{labels.classes[0]}'; a classifier needs two or more")
    for side, expected in least.items():
        counts = labels.counts(task.rows(side))
        if counts[number := int(counts.argmin())] < expected:
            raise InputError(
                f"{where}: class '{labels.classes[number]}' has {counts[number]} cell(s) on the {side} side, expected "
                f"at least {expected}; add images of its proteins, leave the class out, or split by a smaller unit"
            )
