"""The variational autoencoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import mse_loss

from multiscope.config import Variational
from multiscope.localize.recipe import Moment, NetworkRecipe
from multiscope.nn.variational import divergence
from multiscope.training.draws import Rows


class VariationalRecipe(NetworkRecipe[Variational]):
    """Squared error of the reconstruction and the divergence from the prior, both summed over a crop.

    Kingma and Welling 2014, with unit variance of the pixels; the weight of the divergence rises from 0 (Bowman et al.
    2016). Divided by the number of pixels, so that rates suit crops of any size.
    """

    architecture = "vae"

    @property
    def arguments(self) -> dict[str, Any]:
        """Width and latent size."""
        return self.shape | {"width": self.config.width, "latent": self.config.latent}

    def losses(self, crops: Tensor, rows: Rows, moment: Moment) -> dict[str, Tensor]:
        """The negative lower bound, and its two parts."""
        reconstruction, mean, log_variance = self.model(crops)
        error = mse_loss(reconstruction, crops)
        # the error is twice the negative log likelihood of a pixel
        apart = 2 * divergence(mean, log_variance).mean() / crops[0].numel()
        rise = min(1.0, moment.progress / self.config.warm_up) if self.config.warm_up else 1.0
        return {"loss": error + self.config.beta * rise * apart, "reconstruction": error, "divergence": apart}
