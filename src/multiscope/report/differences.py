"""Paired differences between encoders, and between sources of one encoder, to be looked up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from multiscope.report.inputs import Folder, read_table

_COLUMNS = ["source_a", "encoder_a", "source_b", "encoder_b", "standard", "metric", "difference", "ci_low", "ci_high"]
Run = tuple[str, str]
"""Source and encoder, by its `name` in the scores."""


@dataclass(frozen=True)
class Difference:
    """One score less another, with its interval."""

    value: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out; False where there is none."""
        return self.low > 0 or self.high < 0

    def __neg__(self) -> Difference:
        """The other way round."""
        return Difference(-self.value, -self.high, -self.low)


class Differences:
    """All of an evaluation."""

    def __init__(self, table: pd.DataFrame) -> None:
        """Of a table with the columns of `evaluate`'s `differences`."""
        self._found: dict[tuple[str, str, Run, Run], Difference] = {}
        for row in table[_COLUMNS].itertuples(index=False):
            source_a, encoder_a, source_b, encoder_b, standard, metric = (str(value) for value in row[:6])
            found = Difference(*(math.nan if pd.isna(value) else float(value) for value in row[6:]))
            self._found[standard, metric, (source_a, encoder_a), (source_b, encoder_b)] = found

    def between(self, standard: str, metric: str, a: Run, b: Run) -> Difference | None:
        """The score of `a` less that of `b`; None where the two were not compared."""
        found = self._found.get((standard, metric, a, b))
        turned = self._found.get((standard, metric, b, a))
        return found if found is not None else None if turned is None else -turned


def read_differences(evaluated: Folder) -> Differences | None:
    """Those of an evaluation; None where it has none, as before there were any."""
    path = evaluated.path / "differences.parquet"
    return Differences(read_table(path, _COLUMNS)) if path.is_file() else None
