"""Memory that jobs ask a cluster for, from the shapes in the configuration.

Imported while Snakemake parses: nothing heavy here, and no file is read.

What processes take before they do anything is rounded up from what the smallest chain took (0.2 to 1.0 GB), with room
for tables of a million cells. The rest is what grows: four bytes for each pixel, channel and layer that is alive at
once. Layers were counted (docs/plan.md) and rounded up too, and on a GPU most of it lies in the GPU's memory, so the
sums are bounds. A job that needs more all the same asks for twice as much when it is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from multiscope.config import AnyData, Config, VirtualScreen
from multiscope.config.encoders import Encoder, Network

PLAIN, TORCH, CUDA = 1500, 2000, 3000
"""MB of a process that reads and cuts images, of one with PyTorch, of one with PyTorch and a GPU."""
_DRAWN = 3000
"""MB of a virtual screen, which is drawn in blocks of a bounded size: 2.4 GB were measured."""
UNKNOWN_SIDE = 2048
"""Pixels of the side of a field where the configuration does not say."""
_LAYERS_GAN, _LAYERS_ENCODER, _LAYERS_FORWARD = 100, 40, 4
_BYTES_OF_A_FIELD = 64
"""A pixel and channel of a field while cells are cut: as it is, as floats, labels, masks."""
_EMBED_BATCH = 256
_EMBED_BLOCKS = 500
"""MB of two blocks of embeddings, their normalized copies and what is written."""


def memory_mb(run: Config, rule: str, wildcards: Mapping[str, str]) -> int:
    """MB of memory that a job of `rule` is given at its first try."""
    return int(_RULES[rule](run, wildcards))


def _data(run: Config, wildcards: Mapping[str, str]) -> float:
    data = run.data[wildcards["dataset"]]
    return _DRAWN if data.reader.startswith("virtual") else TORCH + 4 * _field(data)


def _field(data: AnyData) -> float:
    return _BYTES_OF_A_FIELD * _side(data) ** 2 * max(1, len(data.channels)) / 1e6


def _side(data: AnyData) -> int:
    return data.field_size if isinstance(data, VirtualScreen) else UNKNOWN_SIDE


def _augment(run: Config, _: Mapping[str, str]) -> float:
    assert run.augment is not None
    made = run.augment.cin_gan
    return CUDA + _activations(made.batch_size, run.augment.patch_size, made.width, _LAYERS_GAN)


def _pairs(run: Config, _: Mapping[str, str]) -> float:
    assert run.augment is not None
    made = run.augment.cin_gan
    return CUDA + _activations(made.batch_size, run.augment.patch_size, made.width, _LAYERS_FORWARD)


def _restore(run: Config, wildcards: Mapping[str, str]) -> float:
    assert run.augment is not None and run.restore is not None
    width = getattr(run.restore.methods[wildcards["method"]], "width", 1)
    return CUDA + _activations(run.restore.batch_size, run.augment.patch_size, width, _LAYERS_GAN)


def _crop(run: Config, _: Mapping[str, str]) -> float:
    assert run.crop is not None
    return PLAIN + _field(run.data[run.crop.data])


def _segment(run: Config, wildcards: Mapping[str, str]) -> float:
    assert run.segment is not None
    return (PLAIN if run.segment.method == "threshold" else 3 * CUDA) + 4 * _field(run.data[wildcards["dataset"]])


def _localize(run: Config, wildcards: Mapping[str, str]) -> float:
    assert run.localize is not None
    encoder = run.localize.encoders[wildcards["encoder"]]
    batch = getattr(encoder, "batch_size", 1)
    return CUDA + _activations(batch, _crop_side(run), _channels(encoder), _LAYERS_ENCODER)


def _embed(run: Config, wildcards: Mapping[str, str]) -> float:
    assert run.localize is not None
    channels = _channels(run.localize.encoders[wildcards["encoder"]])
    return CUDA + _EMBED_BLOCKS + _activations(_EMBED_BATCH, _crop_side(run), channels, _LAYERS_FORWARD)


def _channels(encoder: Encoder) -> float:
    """Of a layer as large as the crop; none where there is no network."""
    return 64 * getattr(encoder, "width", 1.0 if isinstance(encoder, Network) else 0.0)


def _crop_side(run: Config) -> int:
    """Of the crops that encoders work on; of crops from elsewhere the usual one."""
    assert run.localize is not None
    data = run.data[run.localize.data]
    made = getattr(data, "crop_size", 64)
    return made if data.holds == "crops" or run.crop is None else run.crop.size


def _activations(batch: int, side: int, width: float, layers: int) -> float:
    return 4 * batch * side**2 * width * layers / 1e6


_RULES: dict[str, Callable[[Config, Mapping[str, str]], float]] = {
    "data": _data,
    "augment": _augment,
    "pairs": _pairs,
    "restore": _restore,
    "sweep": _restore,
    "restore_scores": lambda *_: TORCH,
    "trust": lambda *_: TORCH,
    "segment": _segment,
    "crop": _crop,
    "crop_restored": _crop,
    "split": lambda *_: PLAIN,
    "localize": _localize,
    "embed": _embed,
    "evaluate": lambda *_: TORCH + 1000,
    "report": lambda *_: TORCH,
}
"""A rule's MB; every rule of the workflow has its line."""
