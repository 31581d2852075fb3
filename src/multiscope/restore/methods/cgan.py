"""cGAN: one network that removes several defects (Razdaibiedina et al. 2019).

Residual generator with instance normalization; adversarial + content loss. The profile `paper` is the paper's, with the
published code's discriminator, which sees the restored image alone. The default recipe departs from it: the
discriminator sees patches of the degraded image and the candidate side by side (Isola et al. 2017), the network is told
the defect (Dumoulin et al. 2017) and has a linear filter for each, pixels are compared too, weights are averaged.
Instance norm alone gives a dim image as large a correction as a bright one, which the published output cannot undo.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from multiscope.config import CGan
from multiscope.nn.content import content_loss
from multiscope.nn.dense_critic import DenseCritic
from multiscope.nn.ema import Ema
from multiscope.nn.patch_critic import PatchCritic
from multiscope.nn.resnet_generator import ResnetGenerator
from multiscope.restore.methods.images import Batch
from multiscope.restore.methods.method import Recipe


class CGanRecipe(Recipe):
    """Training of restorer and discriminator."""

    architecture = "resnet_generator"

    def build(self, config: CGan) -> None:
        """Generator, discriminator, averaged weights."""
        self.config = config
        self.network = ResnetGenerator(**self.arguments(config))
        betas = (0.9, 0.999)
        self.generator, self.generator_optimizer = self.add("generator", self.network, lr=config.lr, betas=betas)
        self.critic, self.critic_optimizer = self.add("critic", self._critic(config), lr=config.lr, betas=betas)
        self.ema = Ema(self.network, decay=config.ema) if config.ema else None
        if self.ema:
            self.keep("ema", self.ema)

    def arguments(self, config: CGan) -> dict[str, Any]:
        """Arguments of `ResnetGenerator`."""
        return {
            "width": config.width,
            "blocks": config.blocks,
            "dropout": config.dropout,
            "output": config.skip,
            "lateral": config.lateral,
            "n_conditions": len(self.defects) if config.condition else 0,
        }

    @property
    def conditional(self) -> bool:
        """Whether the restorer is told the defect."""
        return self.config.condition

    def losses(self, batch: Batch) -> dict[str, float]:
        """One update of the discriminator, one of the restorer; a term without weight is not computed."""
        weights = self.config
        restored = self.generator(batch.degraded, batch.defect) if self.conditional else self.generator(batch.degraded)
        found: dict[str, float] = {}
        terms: dict[str, tuple[float, Tensor]] = {}
        if weights.adversarial_weight:
            judged = self._judge(batch, batch.clean, real=True) + self._judge(batch, restored.detach(), real=False)
            found["critic"] = self.update(self.critic_optimizer, judged / 2)
            terms["adversarial"] = weights.adversarial_weight, self._judge(batch, restored, real=True)
        if weights.content_weight:
            terms["content"] = weights.content_weight, content_loss(self.task.content(), restored, batch.clean)
        if weights.pixel_weight:
            terms["pixel"] = weights.pixel_weight, l1_loss(restored, batch.clean)
        self.update(self.generator_optimizer, torch.stack([weight * loss for weight, loss in terms.values()]).sum())
        if self.ema:
            self.ema.update(self.network)
        return found | {name: float(loss.detach()) for name, (_, loss) in terms.items()}

    def restorer(self) -> nn.Module:
        """The averaged weights where there are any."""
        if self.ema:
            self.ema.copy_to(self.network)
        return super().restorer()

    def _critic(self, config: CGan) -> nn.Module:
        if config.critic == "dense":
            return DenseCritic(size=self.task.images.pairs.size, width=config.critic_width)
        return PatchCritic(in_channels=2 if config.critic == "pair" else 1, width=config.critic_width)

    def _judge(self, batch: Batch, candidate: Tensor, *, real: bool) -> Tensor:
        seen = torch.cat([batch.degraded, candidate], dim=1) if self.config.critic == "pair" else candidate
        score = self.critic(seen)
        return binary_cross_entropy_with_logits(score, torch.full_like(score, float(real)))
