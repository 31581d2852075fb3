"""What the trainings of one job share: the fields, the content networks, the device."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from multiscope.config import Restore
from multiscope.data.patches import Fields, UnpairedPatches
from multiscope.nn.content import ContentFeatures
from multiscope.restore.methods.images import TrainingImages, TrainingPairs
from multiscope.restore.methods.method import Learned, Task
from multiscope.restore.methods.registry import METHODS
from multiscope.restore.restorer import Restorer
from multiscope.training.content import content_network, vgg16_weights
from multiscope.training.state import StateFolder

_JUDGE_SEED = 2**31 - 1


class Session:
    """Trains restorers on pairs of one data set, all from one seed."""

    def __init__(self, fields: Fields, config: Restore, *, size: int, seed: int, fabric: Fabric) -> None:
        """Patches are `size` x `size` pixels."""
        self.fields, self.config, self.seed, self.fabric = fields, config, seed, fabric
        self.unpaired = UnpairedPatches(fields, size=size)

    @cached_property
    def _content(self) -> tuple[ContentFeatures, dict[str, Any]]:
        return content_network(self.config.content, self.unpaired.clean, seed=self.seed, fabric=self.fabric)

    def content(self) -> ContentFeatures:
        """The network of the content losses, made when it is first asked for."""
        return self._content[0]

    @cached_property
    def judge(self) -> ContentFeatures:
        """The network of the perceptual distance: the same one for all methods and seeds, and none was trained with it.

        But where weights of VGG16 are given, there is that one only.
        """
        return content_network(self.config.content, self.unpaired.clean, seed=_JUDGE_SEED, fabric=self.fabric)[0]

    @property
    def content_note(self) -> dict[str, Any]:
        """Which content network was used, for the manifest; `not used` where no method asked for it."""
        used = "_content" in self.__dict__ or vgg16_weights(self.config.content)
        return self._content[1] if used else {"kind": "not used"}

    def task(self, name: str, pairs: TrainingPairs, *, flips: bool, state: Callable[[], StateFolder]) -> Task:
        """What the method `name` of `restore.methods` is to learn from `pairs`."""
        return Task(
            name=name,
            config=self.config.methods[name],
            images=TrainingImages(pairs, self.unpaired, flips=flips, real_share=self.config.real_share),
            content=self.content,
            steps=self.config.steps,
            batch_size=self.config.batch_size,
            seed=self.seed,
            fabric=self.fabric,
            state=state,
        )

    def learn(self, task: Task) -> tuple[Learned, Restorer]:
        """Train, and make ready for use."""
        learned = METHODS[task.config.model](task)
        return learned, Restorer(learned.network, card_of(learned, self.fields, task), device=self.fabric.device)


def card_of(learned: Learned, fields: Fields, task: Task) -> dict[str, Any]:
    """What a user of the network must know; see `multiscope.restore.restorer.Restorer`."""
    notes = fields.manifest["notes"]
    return {
        "channels": fields.channels,
        "scale": notes["range"],
        "defects": fields.defects,
        "conditional": learned.conditional,
        "tile": task.images.pairs.size,
        "multiple": learned.multiple,
        "receptive": learned.receptive,
        "self_ensemble": bool(getattr(task.config, "self_ensemble", False)),
        # nothing is darker than the background of the training images (the paper's tanh forbids it too)
        "floor": True,
        "method": task.name,
        "model": task.config.model,
        "pixel_size_um": notes["pixel_size_um"],
        **learned.facts,
    }


def weights_files(config: Restore) -> dict[str, Path]:
    """Files of weights that a session reads, as inputs of its stage."""
    return vgg16_weights(config.content)
