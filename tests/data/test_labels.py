from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from multiscope.data.labels import identities, localizations
from multiscope.errors import InputError


def cells(**localization: str) -> pd.DataFrame:
    return pd.DataFrame({"protein": list(localization), "localization": list(localization.values())})


PLACES = cells(A="nucleus", B="", C="nucleus|cytoplasm", D="cytoplasm", E="nucleus")


def test_proteins_in_several_places_are_kept_out() -> None:
    labels = localizations(PLACES, "single", where="x", named_by="x")
    assert labels.classes == ["cytoplasm", "nucleus"]
    assert labels.kind.tolist() == [1, -1, -1, 0, 1]
    assert labels.vectors(np.array([0, 1, 3])).tolist() == [[0, 1], [0, 0], [1, 0]]


def test_several_places_can_be_a_class_of_their_own() -> None:
    labels = localizations(PLACES, "combined", where="x", named_by="x")
    assert labels.classes == ["cytoplasm", "nucleus", "nucleus|cytoplasm"]
    assert labels.kind.tolist() == [1, -1, 2, 0, 1]


def test_several_places_can_each_be_named() -> None:
    labels = localizations(PLACES, "several", where="x", named_by="x")
    assert labels.classes == ["cytoplasm", "nucleus"]
    rows = np.arange(5)
    assert labels.vectors(rows).tolist() == [[0, 1], [0, 0], [1, 1], [1, 0], [0, 1]]
    assert labels.known.tolist() == [True, False, True, True, True]
    assert labels.counts(rows).tolist() == [2, 3]


@pytest.mark.parametrize("places", ["single", "several"])
def test_no_label_at_all(places: str) -> None:
    labels = localizations(cells(A="", B=""), places, where="x", named_by="x")  # type: ignore[arg-type]
    assert labels.classes == [] and not labels.known.any()
    assert labels.vectors(np.array([0, 1])).shape == (2, 0)


def test_a_label_that_no_class_knows_is_an_error() -> None:
    fault = "crops: localization 'nucleus' of protein 'A' is none of the classes of localize.classes: bud, cytoplasm;"
    with pytest.raises(InputError, match=fault):
        localizations(PLACES, "single", ["cytoplasm", "bud"], where="crops", named_by="localize.classes")


def test_classes_that_are_given_may_have_no_cell() -> None:
    labels = localizations(PLACES, "single", ["bud", "cytoplasm", "nucleus"], where="x", named_by="x")
    assert labels.classes == ["bud", "cytoplasm", "nucleus"]
    assert labels.counts(np.arange(5)).tolist() == [0, 1, 2]


def test_identities_are_those_of_training_proteins() -> None:
    labels = identities(pd.DataFrame({"protein": ["B", "A", "", "C", "B"]}), np.array([0, 1, 2]))
    assert labels.classes == ["A", "B"]
    assert labels.kind.tolist() == [1, 0, -1, -1, 1]
