"""Every encoder by the key `model` of its section; a new one is a module beside this, a section and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multiscope.config import Transfer
from multiscope.localize.encoders.applied import AppliedLearner
from multiscope.localize.encoders.autoencoder import AutoencoderRecipe
from multiscope.localize.encoders.backbone import BackboneRecipe
from multiscope.localize.encoders.classic import ClassicLearner
from multiscope.localize.encoders.cytoself import CytoselfRecipe
from multiscope.localize.encoders.deeploc import DeepLocRecipe
from multiscope.localize.encoders.one_hot import OneHotLearner
from multiscope.localize.encoders.paired_inpainting import PairedInpaintingRecipe
from multiscope.localize.encoders.random_network import RandomLearner
from multiscope.localize.encoders.transfer import TransferRecipe
from multiscope.localize.encoders.vae import VariationalRecipe
from multiscope.localize.learner import Learner
from multiscope.localize.task import Task


def transfer(config: Transfer, task: Task) -> Learner[Any]:
    """A trained network as it is, or with what it learns of these cells."""
    return AppliedLearner(config, task) if config.learns == "nothing" else TransferRecipe(config, task)


ENCODERS: dict[str, Callable[[Any, Task], Learner[Any]]] = {
    "deeploc": DeepLocRecipe,
    "backbone": BackboneRecipe,
    "paired_inpainting": PairedInpaintingRecipe,
    "autoencoder": AutoencoderRecipe,
    "vae": VariationalRecipe,
    "cytoself": CytoselfRecipe,
    "classic": ClassicLearner,
    "random": RandomLearner,
    "one_hot": OneHotLearner,
    "transfer": transfer,
}
