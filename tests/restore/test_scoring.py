from __future__ import annotations

from pathlib import Path

import pytest

from multiscope.augment.pairs import build_pairs
from multiscope.config import Pairs
from multiscope.data.patches import Fields
from multiscope.errors import InputError
from multiscope.restore.scoring import test_images as images_to_score


def test_a_limit_is_one_of_fields_of_each_defect(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    chosen = images_to_score(fields, fields.defects, limit=2)
    assert [sum(defect == name for _, defect in chosen) for name in fields.defects] == [2] * len(fields.defects)
    # each method and run meets the same ones
    assert len({field_id for field_id, _ in chosen}) == 2
    assert set(chosen) < set(images_to_score(fields, fields.defects))


def test_a_defect_that_could_not_be_scored_is_named(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    fields.table = fields.table.assign(degraded=fields.table["degraded"].str.replace("blur", ""))
    with pytest.raises(InputError, match="no test field has the defect 'blur'"):
        images_to_score(fields, fields.defects)


def test_fields_without_defects_have_no_pairs(tiny_screen: Path) -> None:
    fields = Fields(tiny_screen)
    fields.table = fields.table.assign(defect="")
    with pytest.raises(InputError, match="its fields have no defects"):
        build_pairs(fields, Pairs(), size=32, seed=0, degrade=None)
