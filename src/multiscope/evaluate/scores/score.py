"""What every score of profiles comes with: its interval, what chance would give, and its draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Draws = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """A score of one table of profiles against one standard."""

    metric: str
    value: float
    ci_low: float
    ci_high: float
    chance: float
    """What profiles that know nothing would score."""
    draws: Draws = field(repr=False, default_factory=lambda: np.empty(0))
    """Values on resampled proteins or module sets, NaN where undefined: draw k is of the same sample for every table
    of the same proteins. Empty where nothing was resampled."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How it came about, such as the chosen cut; plain numbers and text."""
    over: Literal["proteins", "module sets"] = "proteins"
    """What was resampled. Only differences of draws over proteins say what other proteins would give: module sets may
    all be the same, so that the smallest difference would look certain."""
