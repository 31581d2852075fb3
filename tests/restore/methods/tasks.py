"""Small tasks of restoration: blobs, spoiled in a way that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from multiscope.config import Content
from multiscope.data.patches import UnpairedPatches
from multiscope.nn.content import ContentFeatures
from multiscope.restore.methods import method
from multiscope.restore.methods.images import TrainingImages, TrainingPairs
from multiscope.restore.methods.method import Learned, Task
from multiscope.training.content import content_network
from multiscope.training.device import make_fabric
from multiscope.training.loop import Plan
from multiscope.training.state import StateFolder

SIZE = 32
Images = np.ndarray[Any, np.dtype[np.float32]]
Spoil = Callable[[Images, np.random.Generator], Images]


def blobs(n: int, *, seed: int, size: int = SIZE) -> Images:
    """Round blobs (n, size, size) in [-1, 1]."""
    rng = np.random.default_rng(seed)
    spots = np.zeros((n, size, size), dtype=np.float32)
    for image in spots:
        image[tuple(rng.integers(size, size=(2, 8)))] = rng.uniform(0.4, 1, size=8)
    spots = ndimage.gaussian_filter(spots, (0, 2, 2), mode="wrap")
    return (spots / 0.02 - 1).clip(-1, 1).astype(np.float32)


def noise(images: Images, rng: np.random.Generator) -> Images:
    return (images + rng.normal(0, 0.3, images.shape)).astype(np.float32)


def blur(images: Images, rng: np.random.Generator) -> Images:
    return ndimage.gaussian_filter(images, (0, 1.5, 1.5))


def haze(images: Images, rng: np.random.Generator) -> Images:
    return (0.5 * images + 0.3).astype(np.float32)


class Strangers:
    """Blobs of other places, in place of patches of fields."""

    def __init__(self, spoil: dict[str, Spoil]) -> None:
        self.spoil = spoil
        self.images = blobs(64, seed=7)

    def clean(self, rng: np.random.Generator, n: int) -> torch.Tensor:
        return torch.from_numpy(self.images[rng.integers(32, size=n)])[:, None]

    def degraded(self, rng: np.random.Generator, defects: list[str]) -> torch.Tensor:
        chosen = [self.spoil[name](self.images[32 + rng.integers(32, size=1)], rng) for name in defects]
        return torch.from_numpy(np.stack(chosen))


def pairs_of(spoil: dict[str, Spoil], *, n: int, seed: int) -> TrainingPairs:
    """`n` pairs of each defect."""
    rng = np.random.default_rng(seed)
    clean = blobs(n, seed=seed)
    names = sorted(spoil)
    table = pd.DataFrame({"defect": np.repeat(names, n), "origin": "real"})
    degraded = np.concatenate([spoil[name](clean, rng) for name in names])[:, None]
    return TrainingPairs(degraded, np.concatenate([clean] * len(names))[:, None], table, names)


def task_of(config: Any, spoil: dict[str, Spoil], state: Path, *, steps: int = 1, n: int = 24) -> Task:
    """What a method is given; its state lies in the folder `state`."""
    strangers = cast(UnpairedPatches, Strangers(spoil))
    return Task(
        name="test",
        config=config,
        images=TrainingImages(pairs_of(spoil, n=n, seed=1), strangers, flips=True),
        content=_content,
        steps=steps,
        batch_size=4,
        seed=0,
        fabric=make_fabric("cpu", threads=1),
        state=lambda: StateFolder(state, fingerprint="test"),
    )


@cache
def _content() -> ContentFeatures:
    patches = Strangers({}).clean
    config = Content(steps=60, width=4)
    return content_network(config, patches, seed=0, fabric=make_fabric("cpu", threads=1))[0]


def save_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trainings save their state after every step instead of every 20 seconds."""
    monkeypatch.setattr(method, "Plan", partial(Plan, save_seconds=0.0))


def errors(learned: Learned, spoil: dict[str, Spoil]) -> dict[str, float]:
    """Squared error of restored unseen blobs as a share of that of the degraded ones, defect by defect."""
    pairs = pairs_of(spoil, n=12, seed=99)
    with torch.no_grad():
        restored = (
            learned.network(pairs.degraded, pairs.defect) if learned.conditional else learned.network(pairs.degraded)
        )
    found = {}
    for number, name in enumerate(pairs.defects):
        of_it = pairs.defect == number
        before = (pairs.degraded[of_it] - pairs.clean[of_it]).square().mean()
        found[name] = float((restored[of_it] - pairs.clean[of_it]).square().mean() / before)
    return found
