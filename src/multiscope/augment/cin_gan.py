"""CIN-GAN: one generator learns from unpaired images to put each defect on a clean image (Razdaibiedina et al. 2019).

Generator: residual network with conditional instance normalization per channel at every norm (Dumoulin et al. 2017).
Critic: conditioned on the defect, Wasserstein with gradient penalty (Gulrajani et al. 2017). The content loss compares
with the clean input and the style loss with unpaired degraded images. The published code compares the content with the
unpaired image too, which asks the generator to move structures: as its output is paired with its input below, it must
not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from multiscope.config import CinGan
from multiscope.data.patches import Fields
from multiscope.nn.content import ContentFeatures, content_loss, style_loss
from multiscope.nn.gradient_penalty import gradient_penalty
from multiscope.nn.patch_critic import PatchCritic
from multiscope.nn.resnet_generator import ResnetGenerator
from multiscope.training.loop import Stateful
from multiscope.training.order import random_symmetry, step_rng
from multiscope.training.update import update


def generator_settings(config: CinGan, *, n_defects: int) -> dict[str, object]:
    """Arguments of `ResnetGenerator` for a generator of `n_defects` defects."""
    return {
        "width": config.width,
        "blocks": config.blocks,
        "dropout": config.dropout,
        "n_conditions": n_defects,
        "output": config.skip,
        "lateral": config.lateral,
        "noise_planes": config.noise_planes,
    }


class UnpairedPatches:
    """Draws of clean patches and, independently, of degraded ones from the training fields."""

    def __init__(self, fields: Fields, *, size: int) -> None:
        """Patches are `size` x `size` pixels."""
        self.fields, self.size = fields, size
        self._train = fields.rows(split="train")
        self._by_defect = {d: fields.rows(split="train", defect=d) for d in fields.defects}

    def clean(self, rng: np.random.Generator, n: int) -> Tensor:
        """Patches (n, 1, size, size) of clean training fields."""
        places = [self.fields.draw("clean", self._train, size=self.size, rng=rng) for _ in range(n)]
        return _stack([self.fields.patch("clean", place, self.size) for place in places])

    def degraded(self, rng: np.random.Generator, defects: list[str]) -> Tensor:
        """One patch of a training field with each of the `defects`, (n, 1, size, size)."""
        drawn = []
        for defect in defects:
            place = self.fields.draw(defect, self._by_defect[defect], size=self.size, rng=rng)
            drawn.append(self.fields.patch(defect, place, self.size))
        return _stack(drawn)


def _stack(patches: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> Tensor:
    return torch.from_numpy(np.stack(patches)[:, None])


class CinGanRecipe:
    """Training of generator and critic; see `multiscope.training.loop.Recipe`."""

    def __init__(
        self, config: CinGan, patches: UnpairedPatches, content: ContentFeatures, *, seed: int, fabric: Fabric
    ) -> None:
        """Networks start from `seed`."""
        torch.manual_seed(seed)
        self.config, self.patches, self.content, self.seed, self.fabric = config, patches, content, seed, fabric
        self.defects = patches.fields.defects
        n = len(self.defects)
        generator = ResnetGenerator(**generator_settings(config, n_defects=n))  # type: ignore[arg-type]
        critic = PatchCritic(in_channels=1, width=config.critic_width, n_conditions=n)
        betas = (0.5, 0.9)
        self.network = generator
        self.generator, self.generator_optimizer = fabric.setup(
            generator, torch.optim.Adam(generator.parameters(), lr=config.lr, betas=betas)
        )
        self.critic, self.critic_optimizer = fabric.setup(
            critic, torch.optim.Adam(critic.parameters(), lr=config.lr, betas=betas)
        )

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Networks and optimizers."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer,
            "critic_optimizer": self.critic_optimizer,
        }

    def step(self, step: int) -> dict[str, float]:
        """`critic_steps` updates of the critic, one of the generator."""
        rng = step_rng(seed=self.seed, step=step)
        for _ in range(self.config.critic_steps):
            critic_loss = self._update_critic(*self._batch(rng))
        losses = self._update_generator(*self._batch(rng))
        return {"critic": critic_loss, **losses}

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Counted in steps: no epochs."""
        return {}

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Clean patches, unpaired degraded ones, and the defect of each as an index."""
        condition = rng.integers(len(self.defects), size=self.config.batch_size)
        clean = self.patches.clean(rng, self.config.batch_size)
        degraded = self.patches.degraded(rng, [self.defects[i] for i in condition])
        # clean and degraded images are turned independently: they are unpaired. A turn would mix up the
        # direction that `axial` blurs along, so degraded images are only flipped.
        (clean,) = random_symmetry(clean, rng=rng)
        (degraded,) = random_symmetry(degraded, rng=rng, rotate=False)
        to = self.fabric.to_device
        return to(clean), to(degraded), to(torch.from_numpy(condition))

    def _update_critic(self, clean: Tensor, degraded: Tensor, condition: Tensor) -> float:
        with torch.no_grad():
            fake = self.generator(clean, condition)
        wasserstein = self.critic(fake, condition).mean() - self.critic(degraded, condition).mean()
        penalty = gradient_penalty(self.critic, degraded, fake, condition)
        update(self.fabric, self.critic_optimizer, wasserstein + self.config.gradient_penalty * penalty)
        return float(wasserstein.detach())

    def _update_generator(self, clean: Tensor, degraded: Tensor, condition: Tensor) -> dict[str, float]:
        fake = self.generator(clean, condition)
        adversarial = -self.critic(fake, condition).mean()
        content = content_loss(self.content, fake, clean)
        style = style_loss(self.content, fake, degraded)
        weights = self.config
        loss = (
            weights.adversarial_weight * adversarial + weights.content_weight * content + weights.style_weight * style
        )
        update(self.fabric, self.generator_optimizer, loss)
        return {
            "adversarial": float(adversarial.detach()),
            "content": float(content.detach()),
            "style": float(style.detach()),
        }
