"""CycleGAN: two generators, there and back, learned from unpaired images (Zhu et al. 2017).

"Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", ICCV 2017, arXiv 1703.10593: least
squares GAN (Mao et al. 2017), cycle and identity losses, critics that are shown former results too. One pair of
generators for all defects, as the method knows no conditions; only the one from degraded to clean is kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from multiscope.config import CycleGan
from multiscope.nn.image_pool import ImagePool
from multiscope.nn.patch_gan import PatchGan, layers_for
from multiscope.nn.reflect_resnet import ReflectResnet
from multiscope.restore.methods.images import Batch
from multiscope.restore.methods.method import Recipe

_BETAS = (0.5, 0.999)


class CycleGanRecipe(Recipe):
    """Training of both generators and both critics."""

    architecture = "reflect_resnet"
    unpaired = True

    def build(self, config: CycleGan) -> None:
        """Generators and critics of both sides, and their pools."""
        self.config = config
        self.network = ReflectResnet(**self.arguments(config))
        back = ReflectResnet(**self.arguments(config))
        lr = config.lr
        self.to_clean, self.to_clean_optimizer = self.add("to_clean", self.network, lr=lr, betas=_BETAS)
        self.to_degraded, self.to_degraded_optimizer = self.add("to_degraded", back, lr=lr, betas=_BETAS)
        self.of_clean, self.of_clean_optimizer = self.add("of_clean", self._critic(), lr=lr, betas=_BETAS)
        self.of_degraded, self.of_degraded_optimizer = self.add("of_degraded", self._critic(), lr=lr, betas=_BETAS)
        self.clean_pool, self.degraded_pool = ImagePool(config.pool), ImagePool(config.pool)
        self.keep("clean_pool", self.clean_pool)
        self.keep("degraded_pool", self.degraded_pool)
        self.schedules = [
            self.decay("to_clean_schedule", self.to_clean_optimizer),
            self.decay("to_degraded_schedule", self.to_degraded_optimizer),
            self.decay("of_clean_schedule", self.of_clean_optimizer),
            self.decay("of_degraded_schedule", self.of_degraded_optimizer),
        ]

    def arguments(self, config: CycleGan) -> dict[str, Any]:
        """Arguments of `ReflectResnet`."""
        return {"width": config.width, "blocks": config.blocks}

    def losses(self, batch: Batch) -> dict[str, float]:
        """One update of both generators together, then one of each critic."""
        clean, degraded = batch.clean, batch.degraded
        restored, spoiled = self.to_clean(degraded), self.to_degraded(clean)
        parts = {
            "adversarial": (1.0, _squared(self.of_clean(restored), 1) + _squared(self.of_degraded(spoiled), 1)),
            "cycle": (
                self.config.cycle_weight,
                l1_loss(self.to_degraded(restored), degraded) + l1_loss(self.to_clean(spoiled), clean),
            ),
        }
        if self.config.identity_weight:
            same = l1_loss(self.to_clean(clean), clean) + l1_loss(self.to_degraded(degraded), degraded)
            parts["identity"] = (self.config.identity_weight, same)
        self._update_generators(torch.stack([weight * loss for weight, loss in parts.values()]).sum())
        critic = self._update_critic(self.of_clean, self.of_clean_optimizer, clean, self.clean_pool.exchange(restored))
        critic += self._update_critic(
            self.of_degraded, self.of_degraded_optimizer, degraded, self.degraded_pool.exchange(spoiled)
        )
        for schedule in self.schedules:
            schedule.step()
        return {"critic": critic} | {name: float(loss.detach()) for name, (_, loss) in parts.items()}

    def _update_generators(self, loss: Tensor) -> None:
        optimizers = (self.to_clean_optimizer, self.to_degraded_optimizer)
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.fabric.backward(loss)
        for optimizer in optimizers:
            optimizer.step()

    def _update_critic(self, critic: nn.Module, optimizer: Any, real: Tensor, made: Tensor) -> float:
        return self.update(optimizer, (_squared(critic(real), 1) + _squared(critic(made.detach()), 0)) / 2)

    def _critic(self) -> PatchGan:
        size = self.task.images.pairs.size
        return PatchGan(width=self.config.critic_width, layers=layers_for(size), norm="instance")


def _squared(score: Tensor, wanted: float) -> Tensor:
    """Mean squared distance of scores from what they should be: 1 for real, 0 for made."""
    return (score - wanted).square().mean()
