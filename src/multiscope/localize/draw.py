"""How often an epoch draws each training cell, by a column of the table of crops."""

from __future__ import annotations

import numpy as np
import pandas as pd

from multiscope.config import Network
from multiscope.data.crops import Crops
from multiscope.errors import InputError
from multiscope.training import draws
from multiscope.training.draws import Draw, Rows


def draw_of(config: Network, crops: Crops, rows: Rows) -> Draw:
    """The draw that `config` asks for, of the cells `rows` of `crops`."""
    if config.draw == "uniform":
        return draws.uniform(len(rows))
    if config.draw_by not in crops.table:
        raise InputError(
            f"{crops.path}: has no column '{config.draw_by}' for draw_by; it has {', '.join(map(str, crops.table))}"
        )
    column = crops.table[config.draw_by].iloc[rows]
    return _balanced(column, crops) if config.draw == "balanced" else _weighted(column, crops)


def _balanced(column: pd.Series, crops: Crops) -> Draw:
    if n := int((column.isna() | (column.astype(str) == "")).sum()):
        raise InputError(
            f"{crops.path}: column '{column.name}' is empty for {n} training cell(s); fill it in, or draw by another"
        )
    codes, _ = pd.factorize(column, sort=True)
    return draws.balanced(codes.astype(np.int64))


def _weighted(column: pd.Series, crops: Crops) -> Draw:
    weights = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise InputError(
            f"{crops.path}: column '{column.name}' cannot weigh cells; expected a number from 0 on for each training "
            "cell, not all 0"
        )
    return draws.weighted(weights)
