"""DeblurGAN: Wasserstein GAN with a content loss, learned from pairs (Kupyn et al. 2018).

"DeblurGAN: Blind Motion Deblurring Using Conditional Adversarial Networks", CVPR 2018, arXiv 1711.07064, equations 2 to
4. The gradient penalty is that of Gulrajani et al. 2017, of each sample over all of its pixels; the published code's
norm is over channels alone. Content is compared in the run's content network (VGG16 up to conv3_3 where its weights are
at hand; the paper's is VGG19); the error of the small network that takes its place is a share of its features' square,
as the paper's weight is meant for VGG's. A step is one update of the generator.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from multiscope.config import DeblurGan
from multiscope.nn.gradient_penalty import gradient_penalty
from multiscope.nn.patch_gan import PatchGan, layers_for
from multiscope.nn.reflect_resnet import ReflectResnet
from multiscope.restore.methods.images import Batch
from multiscope.restore.methods.method import Recipe

_BETAS = (0.5, 0.999)


class DeblurGanRecipe(Recipe):
    """Training of generator and critic."""

    architecture = "reflect_resnet"

    def build(self, config: DeblurGan) -> None:
        """Generator and critic."""
        self.config = config
        self.network = ReflectResnet(**self.arguments(config))
        critic = PatchGan(width=config.critic_width, layers=layers_for(self.task.images.pairs.size), norm="instance")
        self.generator, self.generator_optimizer = self.add("generator", self.network, lr=config.lr, betas=_BETAS)
        self.critic, self.critic_optimizer = self.add("critic", critic, lr=config.lr, betas=_BETAS)
        self.schedules = [
            self.decay("generator_schedule", self.generator_optimizer),
            self.decay("critic_schedule", self.critic_optimizer),
        ]

    def arguments(self, config: DeblurGan) -> dict[str, Any]:
        """Arguments of `ReflectResnet`."""
        return {"width": config.width, "blocks": config.blocks, "dropout": config.dropout, "skip": True}

    def step(self, step: int) -> dict[str, float]:
        """`critic_steps` updates of the critic, each from a batch of its own, then one of the generator."""
        for part in range(1, self.config.critic_steps + 1):
            critic = self._update_critic(self.draw(step, part))
        found = {"critic": critic, **self.losses(self.draw(step))}
        for schedule in self.schedules:
            schedule.step()
        return found

    def losses(self, batch: Batch) -> dict[str, float]:
        """One update of the generator."""
        restored = self.generator(batch.degraded)
        adversarial = -self.critic(restored).mean()
        content = self._content(restored, batch.clean)
        self.update(self.generator_optimizer, adversarial + self.config.content_weight * content)
        return {"adversarial": float(adversarial.detach()), "content": float(content.detach())}

    def _update_critic(self, batch: Batch) -> float:
        """One update of the critic; returns the Wasserstein part of its loss."""
        with torch.no_grad():
            restored = self.generator(batch.degraded)
        wasserstein = self.critic(restored).mean() - self.critic(batch.clean).mean()
        penalty = gradient_penalty(self.critic, batch.clean, restored)
        self.update(self.critic_optimizer, wasserstein + self.config.gradient_penalty * penalty)
        return float(wasserstein.detach())

    def _content(self, restored: Tensor, clean: Tensor) -> Tensor:
        network = self.task.content()
        wanted = network(clean)[-1].detach()
        error = mse_loss(network(restored)[-1], wanted)
        return error if network.name == "vgg16" else error / wanted.square().mean()
