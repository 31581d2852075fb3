"""What the page says of the sides of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multiscope.config import Localize, Split
from multiscope.report.encoder_sections import _sides
from multiscope.report.inputs import Folder
from multiscope.report.results import Results


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({"split_by": "protein"}, "No cell of a protein that is scored was seen in training."),
        ({"split_by": "plate"}, "Its proteins were seen in training too, in other plates."),
        ({"split_by": "cell", "n_overlapping": 1234}, "share pixels with a training crop: 1,234."),
        ({"split_by": "cell", "n_overlapping": 0}, "scores flatter: split by field or by protein to know more."),
        ({}, "in other fields."),
    ],
)
def test_what_training_has_seen_is_said_as_it_was_split(run_config: Any, notes: dict[str, Any], said: str) -> None:
    folder = Folder(Path("x"), {"stage": "localize", "notes": notes})
    found = _sides(Results(run_config=run_config, data=[], localized=[folder]))
    assert said in found and ("pixels" in found) == bool(notes.get("n_overlapping"))


def test_the_data_set_s_own_split_is_looked_up(run_config: Any) -> None:
    data = run_config.data["screen"].model_copy(update={"split": Split(by="protein")})
    changed = run_config.model_copy(update={"data": {"screen": data}, "localize": Localize(data="screen")})
    folder = Folder(Path("x"), {"stage": "localize", "notes": {"split_by": "data"}})
    assert "No cell of a protein" in _sides(Results(run_config=changed, data=[], localized=[folder]))
