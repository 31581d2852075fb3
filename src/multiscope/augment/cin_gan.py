"""CIN-GAN: one generator learns from unpaired images to put each defect on a clean image (Razdaibiedina et al. 2019).

Generator: residual network with conditional instance normalization per channel at every norm (Dumoulin et al. 2017).
Critic: conditioned on the defect, Wasserstein with gradient penalty (Gulrajani et al. 2017). Each step has one defect.
The published code compares the content with the unpaired degraded image too, which asks the generator to move
structures: as its output is paired with its input below, it must not, and only the profile `published_code` does so.

In a few hundred steps the paper's losses teach the defects badly: content features of the clean input forbid blur, and
a critic sees noise and blur last. The profile `small` therefore departs from the paper in what the generator gives
(each condition also has a linear filter and a level of noise, which is drawn and not painted), in what must stay
(coarse means of the input), in a loss of power spectra, and in that critic and losses see patches at contrast 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from multiscope.config import CinGan
from multiscope.data.patches import UnpairedPatches
from multiscope.nn.cards import build_network
from multiscope.nn.cin import condition_tables
from multiscope.nn.content import ContentFeatures, content_loss, published_style_loss, style_loss
from multiscope.nn.ema import Ema
from multiscope.nn.gradient_penalty import gradient_penalty
from multiscope.nn.patch_critic import PatchCritic
from multiscope.nn.published_cin import PublishedCinCritic
from multiscope.nn.resnet_generator import contrast
from multiscope.nn.spectrum import log_spectrum, spectral_loss
from multiscope.training.loop import Stateful
from multiscope.training.order import random_flips, step_rng
from multiscope.training.update import update

_BETAS = (0.5, 0.9)
_COARSE = 8
_SPECTRUM_PATCHES, _SPECTRUM_SEED = 384, 2**31 - 2


@dataclass(frozen=True)
class Generator:
    """A generator, how to build it again, the defects it has rows for, and those it is to learn."""

    network: nn.Module
    architecture: str
    arguments: dict[str, Any]
    conditions: list[str]
    learned: list[str]


def new_generator(config: CinGan, defects: list[str]) -> Generator:
    """An untrained generator of `defects`."""
    arguments: dict[str, Any] = {
        "width": config.width,
        "blocks": config.blocks,
        "dropout": config.dropout,
        "n_conditions": len(defects),
    }
    architecture = "published_cin_generator"
    if config.generator == "cin":
        architecture = "resnet_generator"
        arguments |= {"output": config.skip, "lateral": config.lateral, "noise_planes": config.noise_planes}
    return Generator(build_network(architecture, arguments), architecture, arguments, defects, defects)


class CinGanRecipe:
    """Training of generator and critic; see `multiscope.training.loop.Recipe`."""

    def __init__(
        self,
        config: CinGan,
        patches: UnpairedPatches,
        content: ContentFeatures | None,
        *,
        generator: Generator | None = None,
        seed: int,
        fabric: Fabric,
    ) -> None:
        """Networks start from `seed`; a `generator` that was trained before learns its new rows alone.

        `content` may be None where the configuration does not use it.
        """
        torch.manual_seed(seed)
        self.config, self.patches, self.content, self.seed, self.fabric = config, patches, content, seed, fabric
        made = generator or new_generator(config, patches.fields.defects)
        self.made, self.network = made, made.network
        if generator is not None:
            _freeze_but_tables(self.network)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.generator, self.generator_optimizer = fabric.setup(
            self.network, torch.optim.Adam(trained, lr=config.lr, betas=_BETAS)
        )
        critic = self._critic()
        self.critic, self.critic_optimizer = fabric.setup(
            critic, torch.optim.Adam(critic.parameters(), lr=config.lr, betas=_BETAS)
        )
        self.ema = Ema(self.network, config.ema) if config.ema else None
        self._changes = self._spectral_changes() if config.spectral_weight else {}

    @property
    def stateful(self) -> Mapping[str, Stateful]:
        """Networks, optimizers and averages."""
        return {
            "generator": self.generator,
            "critic": self.critic,
            "generator_optimizer": self.generator_optimizer,
            "critic_optimizer": self.critic_optimizer,
        } | ({"ema": self.ema} if self.ema else {})

    def step(self, step: int) -> dict[str, float]:
        """`critic_steps` updates of the critic and one of the generator, all with one defect."""
        self._set_rates(step)
        rng = step_rng(seed=self.seed, step=step)
        defect = self.made.learned[int(rng.integers(len(self.made.learned)))]
        critic_loss = 0.0
        for _ in range(self.config.critic_steps):
            critic_loss = self._update_critic(*self._batch(rng, defect))
        losses = self._update_generator(*self._batch(rng, defect), self._changes.get(defect))
        if self.ema:
            self.ema.update(self.network)
        return {"critic": critic_loss, **losses}

    def end_epoch(self, epoch: int, checkpoints: Path) -> dict[str, float]:
        """Counted in steps: no epochs."""
        return {}

    def finished(self) -> nn.Module:
        """The generator with its averaged weights, where there are any."""
        if self.ema:
            self.ema.copy_to(self.network)
        return self.network

    @property
    def _features(self) -> ContentFeatures:
        assert self.content is not None
        return self.content

    def _set_rates(self, step: int) -> None:
        """A function of the step, so that nothing of it needs to survive a kill."""
        share = min(1.0, 2 * (1 - step / self.config.steps)) if self.config.decay else 1.0
        for optimizer in (self.generator_optimizer, self.critic_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = self.config.lr * share

    def _critic(self) -> nn.Module:
        if self.config.critic == "published_code":
            return PublishedCinCritic(size=self.patches.size, width=self.config.critic_width)
        return PatchCritic(in_channels=1, width=self.config.critic_width, n_conditions=len(self.made.conditions))

    def _batch(self, rng: np.random.Generator, defect: str) -> tuple[Tensor, Tensor, Tensor]:
        """Clean patches, unpaired degraded ones, and the index of the defect for each."""
        n = self.config.batch_size
        # clean and degraded images are flipped independently: they are unpaired. A turn would mix up the
        # direction that `axial` blurs along.
        (clean,) = random_flips(self.patches.clean(rng, n), rng=rng)
        (degraded,) = random_flips(self.patches.degraded(rng, [defect] * n), rng=rng)
        to = self.fabric.to_device
        return to(clean), to(degraded), to(torch.full((n,), self.made.conditions.index(defect)))

    def _update_critic(self, clean: Tensor, degraded: Tensor, condition: Tensor) -> float:
        with torch.no_grad():
            fake = self._seen(self.generator(clean, condition))
        degraded, told = self._seen(degraded), self._told(condition)
        wasserstein = self.critic(fake, told).mean() - self.critic(degraded, told).mean()
        penalty = gradient_penalty(self.critic, degraded, fake, told)
        update(self.fabric, self.critic_optimizer, wasserstein + self.config.gradient_penalty * penalty)
        return float(wasserstein.detach())

    def _update_generator(
        self, clean: Tensor, degraded: Tensor, condition: Tensor, change: Tensor | None
    ) -> dict[str, float]:
        config = self.config
        fake = self.generator(clean, condition)
        seen, target = self._seen(fake), self._seen(degraded)
        style = published_style_loss if config.style == "published_code" else style_loss
        parts: dict[str, tuple[float, Callable[[], Tensor]]] = {
            "adversarial": (config.adversarial_weight, lambda: -self.critic(seen, self._told(condition)).mean()),
            "content": (config.content_weight, lambda: self._content(fake, clean, degraded)),
            "style": (config.style_weight, lambda: style(self._features, seen, target)),
        }
        if change is not None:
            parts["spectral"] = (config.spectral_weight, lambda: spectral_loss(seen, self._seen(clean), change))
        losses = {name: (weight, loss()) for name, (weight, loss) in parts.items() if weight}
        update(self.fabric, self.generator_optimizer, torch.stack([w * loss for w, loss in losses.values()]).sum())
        return {name: float(loss.detach()) for name, (_, loss) in losses.items()}

    def _content(self, fake: Tensor, clean: Tensor, degraded: Tensor) -> Tensor:
        if self.config.content == "unpaired":
            return content_loss(self._features, fake, degraded)
        if self.config.content == "features":
            return content_loss(self._features, fake, clean)
        scale = contrast(clean) if self.config.contrast else 1.0
        return (F.avg_pool2d(fake - clean, _COARSE) / scale).abs().mean()

    def _seen(self, images: Tensor) -> Tensor:
        """Images as critic and losses see them."""
        if not self.config.contrast:
            return images
        return (images - images.mean(dim=(-2, -1), keepdim=True)) / contrast(images)

    def _told(self, condition: Tensor) -> Tensor | None:
        return condition if self.config.critic == "patch" else None

    def _spectral_changes(self) -> dict[str, Tensor]:
        """How the log spectrum of each defect's training patches differs from that of clean ones."""
        rng = step_rng(seed=self.seed, step=_SPECTRUM_SEED)
        n, to = _SPECTRUM_PATCHES, self.fabric.to_device
        clean = log_spectrum(self._seen(to(self.patches.clean(rng, n))))
        return {
            defect: log_spectrum(self._seen(to(self.patches.degraded(rng, [defect] * n)))) - clean
            for defect in self.made.learned
        }


def _freeze_but_tables(network: nn.Module) -> None:
    """Let only the tables of conditional norms learn: of them, a step moves the rows of its defect alone."""
    network.requires_grad_(False)
    for table in condition_tables(network):
        table.requires_grad_(True)
