"""cGAN: one network that removes several defects (Razdaibiedina et al. 2019).

Residual generator with instance normalization; adversarial + content loss. The discriminator sees the degraded image
beside the candidate (Isola et al. 2017), so that it judges the pair; the published code shows it the candidate alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from multiscope.config import CGan
from multiscope.nn.content import ContentFeatures, content_loss
from multiscope.nn.ema import Ema
from multiscope.nn.patch_critic import PatchCritic
from multiscope.nn.resnet_generator import ResnetGenerator
from multiscope.stores.samples import SampleStore
from multiscope.training.loop import Stateful
from multiscope.training.order import random_symmetry, step_rng
from multiscope.training.update import update


def restorer_settings(config: CGan) -> dict[str, object]:
    """Arguments of `ResnetGenerator` for the restorer."""
    return {
        "width": config.width,
        "blocks": config.blocks,
        "dropout": config.dropout,
        "output": config.skip,
        "lateral": config.lateral,
    }


class TrainingPairs:
    """Draws of pairs from a pair store, every defect equally often."""

    def __init__(self, store: SampleStore) -> None:
        """Pairs are few and small: they are held in memory."""
        self.degraded = torch.from_numpy(store.take("degraded"))
        self.clean = torch.from_numpy(store.take("clean"))
        self._rows = [rows.to_numpy() for _, rows in store.table.index.to_series().groupby(store.table["defect"])]

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Tensor, Tensor]:
        """Degraded and clean patches (n, 1, Y, X), drawn with replacement so that few pairs get as many updates."""
        defects = rng.integers(len(self._rows), size=n)
        rows = [int(rng.choice(self._rows[defect])) for defect in defects]
        return self.degraded[rows], self.clean[rows]

    def draw_clean(self, rng: np.random.Generator, n: int) -> Tensor:
        """Clean patches (n, 1, Y, X)."""
        return self.clean[rng.integers(len(self.clean), size=n)]


class CGanRecipe:
    """Training of restorer and discriminator; see `multiscope.training.loop.Recipe`."""

    def __init__(
        self, config: CGan, pairs: TrainingPairs, content: ContentFeatures, *, seed: int, fabric: Fabric
    ) -> None:
        """Networks start from `seed`."""
        torch.manual_seed(seed)
        self.config, self.pairs, self.content, self.seed, self.fabric = config, pairs, content, seed, fabric
        generator = ResnetGenerator(**restorer_settings(config))  # type: ignore[arg-type]
        critic = PatchCritic(in_channels=2, width=config.critic_width)
        self.network = generator
        self.generator, self.generator_optimizer = fabric.setup(
            generator, torch.optim.Adam(generator.parameters(), lr=config.lr, betas=(0.9, 0.999))
        )
        self.critic, self.critic_optimizer = fabric.setup(
            critic, torch.optim.Adam(critic.parameters(), lr=config.lr, betas=(0.9, 0.999))
        )
        self.ema = Ema(self.network, decay=config.ema) if config.ema else None

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Networks, optimizers and the averaged weights."""
        parts: dict[str, Stateful] = {
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer,
            "critic_optimizer": self.critic_optimizer,
        }
        return parts | ({"ema": self.ema} if self.ema else {})

    def step(self, step: int) -> dict[str, float]:
        """One update of the discriminator, one of the restorer."""
        rng = step_rng(seed=self.seed, step=step)
        # flips only: a turn would change the direction that `axial` blurs along, which is the same in every image
        pair = random_symmetry(*self.pairs.draw(rng, self.config.batch_size), rng=rng, rotate=False)
        degraded, clean = (self.fabric.to_device(batch) for batch in pair)
        restored = self.generator(degraded)
        critic_loss = self._update_critic(degraded, clean, restored.detach())
        losses = self._update_generator(degraded, clean, restored)
        if self.ema:
            self.ema.update(self.network)
        return {"critic": critic_loss, **losses}

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Counted in steps: no epochs."""
        return {}

    def restorer(self) -> ResnetGenerator:
        """The network to restore with: averaged weights where there are any, in eval mode."""
        if self.ema:
            self.ema.copy_to(self.network)
        return self.network.eval()

    def _judge(self, degraded: Tensor, candidate: Tensor, *, real: bool) -> Tensor:
        score = self.critic(torch.cat([degraded, candidate], dim=1))
        return binary_cross_entropy_with_logits(score, torch.full_like(score, float(real)))

    def _update_critic(self, degraded: Tensor, clean: Tensor, restored: Tensor) -> float:
        loss = (self._judge(degraded, clean, real=True) + self._judge(degraded, restored, real=False)) / 2
        update(self.fabric, self.critic_optimizer, loss)
        return float(loss.detach())

    def _update_generator(self, degraded: Tensor, clean: Tensor, restored: Tensor) -> dict[str, float]:
        adversarial = self._judge(degraded, restored, real=True)
        content = content_loss(self.content, restored, clean)
        pixel = l1_loss(restored, clean)
        weights = self.config
        loss = (
            weights.adversarial_weight * adversarial + weights.content_weight * content + weights.pixel_weight * pixel
        )
        update(self.fabric, self.generator_optimizer, loss)
        return {
            "adversarial": float(adversarial.detach()),
            "content": float(content.detach()),
            "pixel": float(pixel.detach()),
        }
