"""pix2pix: a U-Net, judged beside its input patch by patch, learned from pairs (Isola et al. 2017).

"Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, arXiv 1611.07004: cross-entropy and L1.
Dropout and batch norm are those of training in training only; the paper leaves both on when the network is used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from multiscope.config import Pix2Pix
from multiscope.nn.patch_gan import PatchGan, layers_for
from multiscope.nn.pix2pix_unet import Pix2PixUNet, downs_for
from multiscope.restore.methods.images import Batch
from multiscope.restore.methods.method import Recipe

_BETAS = (0.5, 0.999)


class Pix2PixRecipe(Recipe):
    """Training of generator and discriminator."""

    architecture = "pix2pix_unet"

    def build(self, config: Pix2Pix) -> None:
        """Generator and discriminator."""
        self.config = config
        size = self.task.images.pairs.size
        self.downs = downs_for(size)
        self.network = Pix2PixUNet(**self.arguments(config))
        critic = PatchGan(in_channels=2, width=config.critic_width, layers=layers_for(size), norm="batch")
        self.generator, self.generator_optimizer = self.add("generator", self.network, lr=config.lr, betas=_BETAS)
        self.critic, self.critic_optimizer = self.add("critic", critic, lr=config.lr, betas=_BETAS)
        self.schedules = [
            self.decay("generator_schedule", self.generator_optimizer),
            self.decay("critic_schedule", self.critic_optimizer),
        ]

    def arguments(self, config: Pix2Pix) -> dict[str, Any]:
        """Arguments of `Pix2PixUNet`: as many halvings as the patches allow."""
        return {"width": config.width, "downs": self.downs, "dropout": config.dropout}

    @property
    def multiple(self) -> int:  # type: ignore[override]
        """One pixel of the innermost layer."""
        return 1 << self.downs

    def losses(self, batch: Batch) -> dict[str, float]:
        """One update of the discriminator, one of the generator."""
        restored = self.generator(batch.degraded)
        judged = self._judge(batch, batch.clean, real=True) + self._judge(batch, restored.detach(), real=False)
        critic = self.update(self.critic_optimizer, judged / 2)
        adversarial, pixel = self._judge(batch, restored, real=True), l1_loss(restored, batch.clean)
        self.update(self.generator_optimizer, adversarial + self.config.pixel_weight * pixel)
        for schedule in self.schedules:
            schedule.step()
        return {"critic": critic, "adversarial": float(adversarial.detach()), "pixel": float(pixel.detach())}

    def _judge(self, batch: Batch, candidate: Tensor, *, real: bool) -> Tensor:
        score = self.critic(torch.cat([batch.degraded, candidate], dim=1))
        return binary_cross_entropy_with_logits(score, torch.full_like(score, float(real)))
