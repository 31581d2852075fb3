"""A network as an embedder: the layers that are asked for, of crops as they are or with their flips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from multiscope.embed.cells import Cells
from multiscope.errors import InputError
from multiscope.progress import Progress
from multiscope.stores.matrix import MatrixWriter, Values
from multiscope.training.loader import read_ahead


class Embedder:
    """Runs a network over cells on `device`; `threads` read ahead where that is a GPU."""

    def __init__(self, network: nn.Module, *, flips: bool, device: torch.device, threads: int) -> None:
        """With `flips`, a layer is its mean over a crop and its three flips along y, x and both."""
        self.network, self.flips, self.device = network.to(device), flips, device
        self._threads = threads if device.type == "cuda" else 1  # the network needs the others

    def widths(self, cells: Cells) -> dict[str, int]:
        """The features of each layer, as the first cell tells."""
        rows = np.zeros(1, dtype=np.int64)
        with torch.inference_mode():
            found = self.layers(cells.prepare(torch.from_numpy(cells.read(rows)), rows, self.device))
        return {name: layer.shape[1] for name, layer in found.items()}

    def layers(self, x: Tensor) -> dict[str, Tensor]:
        """All layers (n, d) of prepared crops (n, C, S, S), float32."""
        views = [x]
        if self.flips and x.ndim == 4:
            views += [x.flip(-1), x.flip(-2), x.flip((-2, -1))]
        first, *others = [self.network.features(view) for view in views]  # type: ignore[operator]
        return {name: sum((o[name] for o in others), start=layer).float() / len(views) for name, layer in first.items()}

    def embed(self, cells: Cells, layers: Mapping[str, Path], writer: MatrixWriter, *, what: str) -> None:
        """Write the `layers`, each to its place, of all cells that `writer` misses; `what` is shown beside the bar."""
        rows = [writer.rows(number) for number in writer.missing]
        total = sum(1 for start, stop in rows for _ in cells.batches(start, stop))
        read = read_ahead(
            cells.read,
            (batch for start, stop in rows for batch in cells.batches(start, stop)),
            threads=self._threads,
            pin=self.device.type == "cuda",
        )
        with torch.inference_mode(), read, Progress(what, total=total) as progress:
            for number, (start, stop) in zip(writer.missing, rows, strict=True):
                parts: list[dict[str, Tensor]] = []
                for batch in (next(read) for _ in cells.batches(start, stop)):
                    found = self.layers(cells.prepare(batch.images, batch.rows, self.device))
                    parts.append({name: found[name] for name in layers})
                    progress.advance()
                # fetched from a GPU by the writer's thread, so that the next batches need not wait
                writer.write(number, partial(_joined, parts, layers, start, cells))


def _joined(
    parts: Sequence[Mapping[str, Tensor]], layers: Mapping[str, Path], start: int, cells: Cells
) -> dict[Path, Values]:
    """The layers of the block from row `start` on, given batch by batch, for their places."""
    return {path: _checked([part[name] for part in parts], name, start, cells) for name, path in layers.items()}


def _checked(batches: Sequence[Tensor], name: str, start: int, cells: Cells) -> Values:
    values: Values = torch.cat(list(batches)).cpu().numpy()
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise InputError(
            f"{cells.where(start + int(bad[0]))}: its layer {name} is not finite, as that of {len(bad)} of "
            f"{len(values)} cells; expected finite numbers: train the network again, or look at the crop"
        )
    return values
