"""Synthetic pairs beside real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multiscope.report import pictures
from multiscope.report.album import WIDTH, Album, look, new_figure, short
from multiscope.report.blocks import MINUS, NONE, Block, Cell, Plot, Table, Terms, number, percent
from multiscope.report.inputs import Folder, read_table
from multiscope.report.pictures import Plane
from multiscope.stores.samples import SampleStore

N_EXAMPLES = 3
_SEED = 0
_COLUMNS = ["defect", "what", "kid", "ci_low", "ci_high", "n", "nearest", "copies"]
_WHAT = {
    "cin_gan": "Made of clean patches by CIN-GAN.",
    "physics": "Made of clean patches by the forward models.",
    "clean": "Clean patches as they are: a defect that is made well is nearer to the real ones than these are.",
    "real": "Real ones of other fields: nothing can be expected to be nearer.",
}
_TERMS = (
    ("KID", "Kernel distance of the features of a content network; 0 for patches of one kind, also slightly below. "
     "Values are comparable within this table only."),
    ("nearest", "Distance to the nearest real training patch, over that of real patches to the nearest one of another "
     "field: about 1 for new patches of the same kind, near 0 where training patches are learned by heart."),
    ("copies", "Share of patches nearer to a real one than all but 5 in 100 real ones are; 5% is to be expected."),
)  # fmt: skip


def synthetic_blocks(album: Album, pairs: Sequence[Folder]) -> list[Block]:
    """How near synthetic patches are to real ones, and pictures of the first seed's; nothing where all are real."""
    found = read_fidelity(pairs)
    if found is None:
        return []
    plot = pairs_plot(album, pairs[0])
    terms = Terms([(name, said) for name, said in _WHAT.items() if name in set(found["what"])])
    return [fidelity_table(found), terms, Terms(_TERMS), *([plot] if plot else [])]


def read_fidelity(pairs: Sequence[Folder]) -> pd.DataFrame | None:
    """Means over seeds by defect and kind of patch, the interval from the lowest to the highest bound of any seed."""
    paths = [folder.path / "synthetic.parquet" for folder in pairs]
    tables = [read_table(path, _COLUMNS) for path in paths if path.is_file()]
    if not tables or all(table.empty for table in tables):
        return None
    table = pd.concat(tables, ignore_index=True)
    for column in ("defect", "what"):
        table[column] = table[column].astype(str)
    return (
        table.groupby(["defect", "what"])
        .agg(
            kid=("kid", "mean"),
            ci_low=("ci_low", "min"),
            ci_high=("ci_high", "max"),
            n=("n", "sum"),
            nearest=("nearest", "mean"),
            copies=("copies", "mean"),
        )
        .reset_index()
    )


def fidelity_table(found: pd.DataFrame) -> Table:
    """Kernel distance to real patches, and whether patches are copies of them."""
    order = {what: number for number, what in enumerate(_WHAT)}
    rows = []
    for defect, part in found.groupby("defect", sort=True):
        part = part.assign(_order=part["what"].map(order).fillna(-1)).sort_values(["_order", "what"])
        for at, (_, row) in enumerate(part.iterrows()):
            low, high = (_significant(row[side]) for side in ("ci_low", "ci_high"))
            rows.append(
                [
                    Cell(str(defect) if at == 0 else "", head=at == 0),
                    Cell(row["what"]),
                    Cell(_significant(row["kid"]), f"{low} to {high}", number=True),
                    Cell(number(row["nearest"], 2), number=True),
                    Cell(percent(row["copies"]), number=True),
                    Cell(f"{int(row['n']):,}", number=True),
                ]
            )
    caption = "Degraded patches of training pairs against real ones; small: 95% intervals. Of several seeds the mean."
    return Table(["defect", "patches", "KID", "nearest", "copies", "patches compared"], rows, caption)


def _significant(value: float) -> str:
    return NONE if value != value else f"{value:.3g}".replace("-", MINUS)


@dataclass(frozen=True)
class _Example:
    defect: str
    origin: str
    row: int
    clean: Plane
    degraded: Plane


def pairs_plot(album: Album, pairs: Folder) -> Plot | None:
    """Of each defect pairs drawn at random, synthetic ones at the left and real ones at the right, clean above."""
    store = SampleStore(pairs.path / "pairs.zarr")
    table = store.table
    if (table["origin"] == "real").all():
        return None
    found = _examples(store, table)
    defects = list(dict.fromkeys(example.defect for example in found))
    origins = [o for o in sorted(set(table["origin"])) if o != "real"]
    origins += ["real"] if (table["origin"] == "real").any() else []
    across = N_EXAMPLES * len(origins)
    window = pictures.window_of(np.stack([example.clean for example in found]))
    panel = min(1.6, (WIDTH - 0.8) / across)
    with look():
        figure = new_figure(panel * across + 0.8, 2 * len(defects) * (panel + 0.04) + 0.3)
        axes = figure.subplots(2 * len(defects), across, squeeze=False)
        for example in found:
            line, column = 2 * defects.index(example.defect), N_EXAMPLES * origins.index(example.origin)
            column += sum(
                e.row < example.row for e in found if (e.defect, e.origin) == (example.defect, example.origin)
            )
            pictures.show_image(axes[line, column], example.clean, window)
            pictures.show_image(axes[line + 1, column], example.degraded, window)
        for number, defect in enumerate(defects):
            axes[2 * number, 0].set_ylabel("clean", fontsize=8)
            axes[2 * number + 1, 0].set_ylabel(short(defect, 20), fontsize=8)
        for number, origin in enumerate(origins):
            axes[0, N_EXAMPLES * number].set_title(origin, fontsize=9.5)
        pictures.bare(axes)
        frame = pd.DataFrame({"defect": e.defect, "origin": e.origin, "pair": e.row} for e in found)
        return album.add(
            "synthetic_pairs",
            figure,
            frame,
            title="Synthetic and real pairs",
            alt=f"Clean and degraded patches of {', '.join(origins)} pairs with the defects {', '.join(defects)}.",
            caption="Pairs drawn at random, clean above and degraded below, all in one window. "
            f"Columns from the left: {', '.join(origins)}.",
        )


def _examples(store: SampleStore, table: pd.DataFrame) -> list[_Example]:
    rng = np.random.default_rng(_SEED)
    found = []
    for (defect, origin), part in table.groupby(["defect", "origin"], sort=True):
        rows = np.sort(rng.choice(part.index.to_numpy(), min(N_EXAMPLES, len(part)), replace=False))
        clean, degraded = (store.take(name, rows)[:, 0].astype(np.float64) for name in ("clean", "degraded"))
        found += [
            _Example(str(defect), str(origin), int(row), *planes)
            for row, *planes in zip(rows, clean, degraded, strict=True)
        ]
    return found
