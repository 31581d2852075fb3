"""What one training step of each encoder does; see `multiscope.training.loop.Recipe`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from multiscope.config import Autoencoder, DeepLoc
from multiscope.data.crops import Crops
from multiscope.localize.draw import draw_of
from multiscope.nn.cards import save_weights
from multiscope.nn.standardize import standardize
from multiscope.training.draws import Rows
from multiscope.training.loader import Batch, Loader, read_ahead
from multiscope.training.loop import Stateful
from multiscope.training.order import step_rng
from multiscope.training.prefetch import Prefetcher
from multiscope.training.sampling import Sampling
from multiscope.training.stream import Stream
from multiscope.training.symmetry import random_symmetries
from multiscope.training.update import update


class EncoderRecipe(ABC):
    """Epochs over the training cells, turned at random; Adam with a cosine schedule; a checkpoint an epoch."""

    def __init__(
        self,
        network: nn.Module,
        config: Any,
        crops: Crops,
        classes: list[str],
        *,
        seed: int,
        fabric: Fabric,
        stream: Stream | None = None,
        readers: int = 1,
    ) -> None:
        """Learn from the cells of `crops` on the training side; `classes` are its localizations, sorted.

        `stream` reads them in blocks; `readers` threads read ahead, which changes no number.
        """
        self.network, self.config, self.crops, self.seed, self.fabric = network, config, crops, seed, fabric
        self.classes, self.readers = classes, readers
        self.train_rows, self.val_rows = (
            np.flatnonzero(crops.table["split"] == side).astype(np.int64) for side in ("train", "val")
        )
        self.channels = crops.channel_indices(config.channels)
        sampling = Sampling(
            self.train_rows,
            draw_of(config, crops, self.train_rows),
            config.batch_size,
            seed,
            stream,
            rank=fabric.global_rank,
            world_size=fabric.world_size,
        )
        self.steps_per_epoch = sampling.steps_per_epoch
        self.loader = Loader(self._read, sampling, epochs=config.epochs, threads=readers, pin=self._pin)
        self.model, self.optimizer = fabric.setup(network, torch.optim.Adam(network.parameters(), lr=config.lr))
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=self.steps_per_epoch * config.epochs
        )

    @staticmethod
    @abstractmethod
    def arguments(config: Any, *, n_classes: int) -> dict[str, Any]:
        """Arguments of the network that are this encoder's alone."""

    def predictions(self) -> pd.DataFrame | None:
        """A row a cell, where the encoder predicts anything."""
        return None

    @abstractmethod
    def losses(self, crops: Tensor, rows: Rows) -> dict[str, Tensor]:
        """Losses of a batch; the one called `loss` is minimised."""

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Network, optimizer and schedule."""
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    def step(self, step: int) -> dict[str, float]:
        """One update on the next batch of the epoch."""
        batch = self.loader.batch(step)
        crops = self._prepare(batch)
        if self.config.symmetry != "none":
            rng = step_rng(seed=self.seed, step=step)
            crops = random_symmetries(crops, rng=rng, turns=self.config.symmetry == "all")
        self.model.train()
        losses = self.losses(crops, batch.rows)
        update(self.fabric, self.optimizer, losses["loss"])
        self.schedule.step()
        return {name: float(value.detach()) for name, value in losses.items()}

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Checkpoint, and mean losses over the validation cells."""
        save_weights(checkpoints / f"{epoch:03d}.safetensors", self.network)
        sums: dict[str, float] = {}
        self.model.eval()
        size = self.config.batch_size
        parts = [self.val_rows[start : start + size] for start in range(0, len(self.val_rows), size)]
        with torch.no_grad(), self._read_ahead(parts) as batches:
            for batch in batches:
                for name, value in self.losses(self._prepare(batch), batch.rows).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(batch.rows)
        return {name: total / len(self.val_rows) for name, total in sums.items()}

    def _read(self, rows: Rows) -> npt.NDArray[Any]:
        return self.crops.read(rows, self.channels)

    def _read_ahead(self, batches: list[Rows]) -> Prefetcher[Batch]:
        return read_ahead(self._read, batches, threads=self.readers, pin=self._pin)

    def _prepare(self, batch: Batch) -> Tensor:
        """Standardized crops (n, C, Y, X) float32 on the device."""
        return standardize(self.fabric.to_device(batch.images))

    @property
    def _pin(self) -> bool:
        return self.fabric.device.type == "cuda"


class ClassifierRecipe(EncoderRecipe):
    """Softmax cross-entropy on the localization of each cell's protein (weak labels)."""

    config: DeepLoc

    @cached_property
    def targets(self) -> Tensor:
        """The class of each cell, that of its protein."""
        return torch.from_numpy(self.crops.table["localization"].map(self.classes.index).to_numpy(dtype=np.int64))

    @staticmethod
    def arguments(config: DeepLoc, *, n_classes: int) -> dict[str, Any]:
        """Classes and dense layers."""
        return {"n_classes": n_classes, "dense": config.dense}

    def losses(self, crops: Tensor, rows: Rows) -> dict[str, Tensor]:
        """Cross-entropy and accuracy."""
        truth = self.targets[rows].to(crops.device)
        logits = self.model(crops)
        loss = nn.functional.cross_entropy(logits, truth, label_smoothing=self.config.label_smoothing)
        return {"loss": loss, "accuracy": (logits.argmax(dim=1) == truth).float().mean()}

    def predictions(self) -> pd.DataFrame:
        """Predicted localization of every cell, with the probability given to it."""
        rows = np.arange(len(self.crops.table), dtype=np.int64)
        self.model.eval()
        n_batches = max(1, len(rows) // self.config.batch_size)
        with torch.no_grad(), self._read_ahead(np.array_split(rows, n_batches)) as batches:
            parts = [self.model(self._prepare(batch)).softmax(dim=1).cpu() for batch in batches]
        probability, index = torch.cat(parts).max(dim=1)
        return self.crops.table[["cell_id", "protein", "field_id", "split"]].assign(
            truth=self.crops.table["localization"],
            predicted=[self.classes[i] for i in index.tolist()],
            probability=probability.numpy(),
        )


class AutoencoderRecipe(EncoderRecipe):
    """Mean squared error of the reconstruction."""

    config: Autoencoder

    @staticmethod
    def arguments(config: Autoencoder, *, n_classes: int) -> dict[str, Any]:
        """The latent size."""
        return {"latent": config.latent}

    def losses(self, crops: Tensor, rows: Rows) -> dict[str, Tensor]:
        """The reconstruction error."""
        reconstruction, _ = self.model(crops)
        return {"loss": nn.functional.mse_loss(reconstruction, crops)}


RECIPES: dict[str, type[EncoderRecipe]] = {"deeploc": ClassifierRecipe, "autoencoder": AutoencoderRecipe}
"""How each kind of encoder is trained."""
