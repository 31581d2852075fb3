"""The plain autoencoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import mse_loss

from multiscope.config import Autoencoder
from multiscope.localize.recipe import Moment, NetworkRecipe
from multiscope.training.draws import Rows


class AutoencoderRecipe(NetworkRecipe[Autoencoder]):
    """Mean squared error of the reconstruction (Hinton and Salakhutdinov 2006)."""

    architecture = "autoencoder"

    @property
    def arguments(self) -> dict[str, Any]:
        """Width and latent size."""
        return self.shape | {"width": self.config.width, "latent": self.config.latent}

    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """The reconstruction error."""
        reconstruction, _ = self.model(crops)
        return {"loss": mse_loss(reconstruction, crops)}
