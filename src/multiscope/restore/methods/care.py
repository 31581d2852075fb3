"""CARE: a U-Net that learns the correction from pairs (Weigert et al. 2018).

"Content-aware image restoration: pushing the limits of fluorescence microscopy", Nature Methods 15, 1090-1097. Mean
absolute error. Where it differs from the published program: intensities are scaled by the data set's range, a fixed
rule for all methods, and not by each image's percentiles; and as few pairs leave none for validation, the rate follows
a schedule instead of halving when the validation error stays, and the last weights are kept instead of the best.
"""

from __future__ import annotations

from typing import Any

from torch.nn.functional import l1_loss

from multiscope.config import Care
from multiscope.nn.care_unet import CareUNet
from multiscope.restore.methods.images import Batch
from multiscope.restore.methods.method import Recipe

_LAST_RATE = 0.1


class CareRecipe(Recipe):
    """Training of the U-Net."""

    architecture = "care_unet"

    def build(self, config: Care) -> None:
        """One network, one optimizer."""
        self.network: CareUNet = CareUNet(**self.arguments(config))
        self.model, self.optimizer = self.add("network", self.network, lr=config.lr, betas=(0.9, 0.999))
        self.schedule = self.decay("schedule", self.optimizer, to=_LAST_RATE)

    def arguments(self, config: Care) -> dict[str, Any]:
        """Arguments of `CareUNet`."""
        return {"width": config.width, "kernel": config.kernel}

    @property
    def receptive(self) -> int:
        """No norms: an output's view ends."""
        return self.network.receptive

    def losses(self, batch: Batch) -> dict[str, float]:
        """One update."""
        loss = self.update(self.optimizer, l1_loss(self.model(batch.degraded), batch.clean))
        self.schedule.step()
        return {"pixel": loss}
