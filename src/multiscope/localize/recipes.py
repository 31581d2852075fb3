"""What one training step of each encoder does; see `multiscope.training.loop.Recipe`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
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
from multiscope.nn.cards import save_weights
from multiscope.training.loop import Stateful
from multiscope.training.order import epoch_order, random_symmetry, step_rng
from multiscope.training.update import update

Rows = npt.NDArray[np.int64]


class EncoderRecipe(ABC):
    """Epochs over the training cells, flipped at random; Adam with a cosine schedule; a checkpoint an epoch."""

    def __init__(
        self, network: nn.Module, config: Any, crops: Crops, classes: list[str], *, seed: int, fabric: Fabric
    ) -> None:
        """Learn from the cells of `crops` on the training side; `classes` are its localizations, sorted."""
        self.network, self.config, self.crops, self.seed, self.fabric = network, config, crops, seed, fabric
        self.classes = classes
        self.train_rows, self.val_rows = (
            np.flatnonzero(crops.table["split"] == side).astype(np.int64) for side in ("train", "val")
        )
        self.channels = crops.channel_indices(config.channels)
        self.steps_per_epoch = math.ceil(len(self.train_rows) / config.batch_size)
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
        epoch, position = divmod(step, self.steps_per_epoch)
        order = self.train_rows[epoch_order(len(self.train_rows), seed=self.seed, epoch=epoch)]
        # batches of nearly equal size: a last batch of one cell would break batch normalization
        rows = np.array_split(order, self.steps_per_epoch)[position]
        (batch,) = random_symmetry(
            self.crops.batch(rows, self.channels), rng=step_rng(seed=self.seed, step=step), rotate=False
        )
        self.model.train()
        losses = self.losses(self.fabric.to_device(batch), rows)
        update(self.fabric, self.optimizer, losses["loss"])
        self.schedule.step()
        return {name: float(value.detach()) for name, value in losses.items()}

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Checkpoint, and mean losses over the validation cells."""
        save_weights(checkpoints / f"{epoch:03d}.safetensors", self.network)
        sums: dict[str, float] = {}
        self.model.eval()
        with torch.no_grad():
            for start in range(0, len(self.val_rows), self.config.batch_size):
                rows = self.val_rows[start : start + self.config.batch_size]
                batch = self.fabric.to_device(self.crops.batch(rows, self.channels))
                for name, value in self.losses(batch, rows).items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(rows)
        return {name: total / len(self.val_rows) for name, total in sums.items()}


class ClassifierRecipe(EncoderRecipe):
    """Softmax cross-entropy on the localization of each cell's protein (weak labels)."""

    config: DeepLoc

    def __init__(
        self, network: nn.Module, config: DeepLoc, crops: Crops, classes: list[str], *, seed: int, fabric: Fabric
    ) -> None:
        """Every cell is of the class of its protein."""
        super().__init__(network, config, crops, classes, seed=seed, fabric=fabric)
        self.targets = torch.from_numpy(crops.table["localization"].map(classes.index).to_numpy(dtype=np.int64))

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
        parts = []
        self.model.eval()
        with torch.no_grad():
            for batch_rows in np.array_split(rows, max(1, len(rows) // self.config.batch_size)):
                batch = self.fabric.to_device(self.crops.batch(batch_rows, self.channels))
                parts.append(self.model(batch).softmax(dim=1).cpu())
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
