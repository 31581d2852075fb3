"""`restore apply`: a trained restorer on images of any size, plane by plane, into OME-Zarr 0.5.

Only the chosen channels are restored; the others, and label images, are copied.
"""

from __future__ import annotations

import importlib.metadata
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from multiscope.errors import InputError
from multiscope.folders.disk import sha256
from multiscope.folders.manifest import StageRun
from multiscope.folders.parts import Part, shared_output
from multiscope.images.image import ImageInfo, as_intensities, as_labels
from multiscope.nn.cards import CARD, WEIGHTS
from multiscope.progress import Progress
from multiscope.restore import STAGE_VERSION
from multiscope.restore.restorer import Restorer
from multiscope.restore.source import Source, open_source
from multiscope.restore.tiles import Plane
from multiscope.stores.planes import PlaneWriter, list_labels
from multiscope.stores.plates import describe_store
from multiscope.training.device import device_name, make_fabric
from multiscope.training.ranks import own_part

Array = npt.NDArray[Any]
Kind = Literal["input", "float32"]
_BEYOND = 0.5
_MANY = 0.005
_DIM = 0.05
_OTHER_SIZE = 1.1


@dataclass(frozen=True)
class Channel:
    """What becomes of one channel of an image."""

    name: str
    """Its name in the result."""
    trained_as: str | None
    """The model's channel that it is restored as; None where it is copied."""


def apply_restorer(
    *,
    model: Path,
    source: Path,
    out: Path,
    defect: str | None = None,
    channels: Sequence[str] = (),
    channel_map: Mapping[str, str] | None = None,
    device: str = "auto",
    threads: int = 1,
    tile: int | None = None,
    dtype: Kind = "input",
    part: Part | None = None,
) -> None:
    """Restore the image `source`, or all of an OME-Zarr plate or collection, into the OME-Zarr `out`.

    `channels` are those of the image to restore, all where there are none given; `channel_map` says as which of the
    model's channels. Integers stay integers, rounded and cut to their range, unless `dtype` is `float32`.
    Of several jobs, or of the processes of `srun`, each restores its `part`, and the last one completes `out`.
    """
    part, fabric = own_part(part), make_fabric(device, threads=threads)
    restorer = Restorer.load(model, fabric.device, tile=tile)
    restorer.check_defect(defect)
    for what, used in (("the image to restore", source), ("the model", model)):
        there, here = used.resolve(), out.resolve()
        if there == here or there in here.parents or here in there.parents:
            raise InputError(f"{out}: is, holds or lies in {what}, {used}; choose another place for the result")
    sources = open_source(source)
    plans = [plan_channels(each.info, restorer, channels, channel_map or {}) for each in sources]
    jobs = [_Job(restorer, each, plan, defect, dtype) for each, plan in zip(sources, plans, strict=True)]
    config = {"defect": defect, "channels": list(channels), "channel_map": dict(channel_map or {}), "tile": tile}
    with shared_output(
        out,
        part,
        partial(_restore, jobs),
        stage="restore_apply",
        version=STAGE_VERSION,
        config=config | {"dtype": dtype},
        inputs={"model": model, "image": source},
        device=device_name(fabric),
    ) as made:
        if made is not None:
            origin = provenance(model, restorer, source, defect=defect)
            for job in jobs:
                job.complete(made, origin)
            _count(made, sources, plans)
            if sources[0].place:
                describe_store(made.path, [each.place for each in sources], plate=sources[0].info.plate)
            made.note("multiscope", origin)


def _restore(jobs: Sequence[_Job], made: StageRun, part: Part) -> None:
    """Restore and copy the planes of a part of the images, time points and channels of all `jobs`."""
    stacks = [(job, t, c) for job in jobs for c in range(len(job.parts)) for t in range(job.source.pixels.shape[0])]
    mine = part.share(stacks)
    for job in jobs:
        warn_of_pixel_size(job.source.info, job.restorer)
    with Progress("restore apply: planes", total=sum(job.source.pixels.shape[2] for job, _, _ in mine)) as progress:
        for job, t, c in mine:
            job.write(made, progress, t=t, c=c)


def plan_channels(
    info: ImageInfo, restorer: Restorer, chosen: Sequence[str], renamed: Mapping[str, str]
) -> list[Channel]:
    """What becomes of each channel of an image; a name that the image or the model lacks is an `InputError`.

    Channels without names are the model's, in its order, if there are as many; else they are called `0`, `1`, ...
    """
    names, trained_as = list(info.channels), dict(renamed)
    if not names:
        names = [str(number) for number in range(info.shape[1])]
        if not renamed and not chosen and len(names) == len(restorer.channels):
            names = restorer.channels
    has = ", ".join(ascii(name)[1:-1] for name in names)
    for option, given in (("--channels", chosen), ("--channel-map", list(renamed))):
        if missing := [name for name in given if name not in names]:
            raise InputError(f"{info.where}: has no channel {missing[0]!a}, as {option} says; it has {has}")
    parts = []
    for name in names:
        known = trained_as.get(name, name)
        restored = not chosen or name in chosen
        if restored and known not in restorer.channels:
            knows = ", ".join(ascii(channel)[1:-1] for channel in restorer.channels)
            raise InputError(
                f"{info.where}: the model was not trained on the channel {known!a} but on {knows}; choose others "
                f"by --channels, or say which one it is: --channel-map {ascii(name)[1:-1]}={restorer.channels[0]}"
            )
        parts.append(Channel(name, known if restored else None))
    return parts


def warn_of_pixel_size(info: ImageInfo, restorer: Restorer) -> None:
    """One line on stderr where pixels are of another size than in training, if both are known."""
    trained, here = restorer.card.get("pixel_size_um"), info.pixel_size.plane_um
    if (
        isinstance(trained, float)
        and here is not None
        and not 1 / _OTHER_SIZE < here / max(trained, 1e-9) < _OTHER_SIZE
    ):
        _warn(
            f"{info.where}: has pixels of {here:g} um, but the training images of {trained:g} um: structures look other"
        )


def provenance(model: Path, restorer: Restorer, source: Path, *, defect: str | None) -> dict[str, Any]:
    """Where the result came from, for its attributes: names and digests, no paths."""
    facts = restorer.facts
    return {
        "version": importlib.metadata.version("multiscope"),
        "made_by": "multiscope restore apply",
        "input": source.name,
        "defect": defect,
        "tile": restorer.tile,
        "self_ensemble": facts.self_ensemble,
        "model": {
            "name": model.name,
            "method": restorer.card.get("method"),
            "architecture": restorer.card.get("architecture"),
            "card_sha256": sha256(model / CARD),
            "weights_sha256": sha256(model / WEIGHTS),
        },
    }


@dataclass
class _Job:
    """One image on its way."""

    restorer: Restorer
    source: Source
    parts: list[Channel]
    defect: str | None
    dtype: Kind

    def write(self, made: StageRun, progress: Progress, *, t: int, c: int) -> None:
        """Restore or copy the planes of one time point and channel."""
        info, part = self.source.info, self.parts[c]
        with made.unit(f"{self._units}time {t} channel {c}") as unit:
            if unit.finished:
                progress.advance(n=self.source.pixels.shape[2])
                return
            writer, look = self._image(made), _Look(self.restorer, part, self.defect)
            for z, plane in enumerate(self.source.pixels.planes(time=t, channel=c)):
                plane = as_intensities(plane, where=info.where)
                look.add(plane)
                converted = self._converted(plane, part)
                writer.write(converted, t=t, c=c, z=z)
                progress.advance()
            for folder in writer.stack(t=t, c=c):
                unit.path(folder.relative_to(made.path).as_posix())
            samples = made.journal.scratch / self.source.place / f"{t}.{c}.npy"
            np.save(unit.path(samples.relative_to(made.path).as_posix()), np.concatenate(writer.samples[c]))
            unit.facts = {"t": t, "c": c, "dtype": converted.dtype.str, "seen": asdict(look.seen)}

    def complete(self, made: StageRun, origin: dict[str, Any]) -> None:
        """Describe the image, when all its planes are there, copy its label images, and warn of what was seen."""
        info, writer = self.source.info, self._image(made)
        stacks = sorted(made.journal.facts(self._units), key=lambda facts: (facts["c"], facts["t"]))
        writer.make(stacks[0]["dtype"], self.source.pixels.shape[3:])
        for c, part in enumerate(self.parts):
            mine = [facts for facts in stacks if facts["c"] == c]
            files = [made.journal.scratch / self.source.place / f"{facts['t']}.{c}.npy" for facts in mine]
            writer.samples[c] = [np.load(file) for file in files]
            look = _Look(self.restorer, part, self.defect)
            look.seen = sum((Seen(**facts["seen"]) for facts in mine), start=Seen())
            look.warn(info.where)
        restored = {part.name: part.trained_as for part in self.parts if part.trained_as is not None}
        writer.describe(
            channels=[part.name for part in self.parts], attributes={"multiscope": {**origin, "channels": restored}}
        )
        self._copy_labels(writer.path / "labels")

    @property
    def _units(self) -> str:
        """How the names of its units begin."""
        return f"image {self.source.place} " if self.source.place else "image "

    def _image(self, made: StageRun) -> PlaneWriter:
        return self._writer(made.path / self.source.place, self.source.pixels.axes, labels=False)

    def _converted(self, plane: Array, part: Channel) -> Array:
        """The plane as it is written: restored where it is to be, in the type asked for."""
        kind = plane.dtype if self.dtype == "input" else np.dtype(np.float32)
        if part.trained_as is None:
            return plane.astype(kind, copy=False)
        bands = self.restorer.bands(plane, part.trained_as, self.defect)
        return np.concatenate([_as_kind(band, kind) for band in bands])

    def _copy_labels(self, path: Path) -> None:
        for name, pixels in self.source.labels.items():
            writer = self._writer(path / name, pixels.axes, labels=True, sizes=pixels.shape)
            where = f"{self.source.info.where}: labels {name!a}"
            for t in range(pixels.shape[0]):
                for z, plane in enumerate(pixels.planes(time=t, channel=0)):
                    writer.write(as_labels(plane, where=where), t=t, z=z)
            writer.describe()
        if self.source.labels:
            list_labels(path, list(self.source.labels))

    def _writer(
        self, path: Path, axes: str, *, labels: bool, sizes: tuple[int, int, int, int, int] | None = None
    ) -> PlaneWriter:
        return PlaneWriter(
            path,
            axes=axes,
            sizes=dict(zip("tczyx", sizes or self.source.pixels.shape, strict=True)),
            pixel_size=self.source.info.pixel_size,
            steps=self.source.steps,
            labels=labels,
        )


def _as_kind(band: Plane, kind: np.dtype[Any]) -> Array:
    """Float32 as it is; integers rounded and cut to their range."""
    if kind.kind == "f":
        return band.astype(kind, copy=False)
    limits = np.iinfo(kind)
    # the largest 32 bit integer is no 32 bit float
    return np.rint(band.astype(np.float64)).clip(limits.min, limits.max).astype(kind)


@dataclass
class Seen:
    """What was seen of the planes of one channel."""

    pixels: int = 0
    beyond: int = 0
    """Of them, those much brighter than the training images."""
    largest: float = -math.inf
    strange: list[str | None] = field(default_factory=list)
    """For each plane, the feature in which it differs from the training patches."""

    def __add__(self, other: Seen) -> Seen:
        """Of the planes of both."""
        return Seen(
            self.pixels + other.pixels,
            self.beyond + other.beyond,
            max(self.largest, other.largest),
            self.strange + other.strange,
        )


class _Look:
    """Whether a channel looks like what the model was trained on; nothing is refused, but the user is told."""

    def __init__(self, restorer: Restorer, part: Channel, defect: str | None) -> None:
        self._restorer, self._part, self._defect = restorer, part, defect
        self._scale = restorer.scale(part.trained_as) if part.trained_as is not None else None
        self.seen = Seen()

    def add(self, plane: Array) -> None:
        if self._scale is None:
            return
        assert self._part.trained_as is not None
        limit = self._scale.high + _BEYOND * (self._scale.high - self._scale.low)
        found = self._restorer.familiarity(plane, self._part.trained_as, self._defect)
        strange = found.feature if found is not None and not found.familiar else None
        self.seen += Seen(plane.size, int(np.count_nonzero(plane > limit)), float(plane.max()), [strange])

    def warn(self, where: str) -> None:
        """One line on stderr where it is much brighter than the training images, dark, or of other detail."""
        if self._scale is None:
            return
        low, high = self._scale.low, self._scale.high
        trained = f"the training images were within {low:g} to {high:g} but for 1 pixel in 500"
        share = self.seen.beyond / self.seen.pixels
        if share > _MANY:
            what = f"{100 * share:.1f} % of its pixels are above {high + _BEYOND * (high - low):g}, but {trained}"
        elif self.seen.largest < low + _DIM * (high - low):
            what = f"its brightest pixel is {self.seen.largest:g}, but {trained}"
        elif self.seen.strange.count(None) < len(self.seen.strange) / 2:
            feature, n = Counter(name for name in self.seen.strange if name).most_common(1)[0]
            what = (
                f"most patches of {n} of {len(self.seen.strange)} planes differ from all training patches in {feature}"
            )
        else:
            return
        name = ascii(self._part.name)[1:-1]
        _warn(f"{where}: channel {name}: {what}: the model has not seen such images")


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr, flush=True)


def _count(made: StageRun, sources: Sequence[Source], plans: Sequence[Sequence[Channel]]) -> None:
    """What was restored; channels that were copied are counted as left out."""
    planes = [math.prod(source.pixels.shape[:3]) // source.pixels.shape[1] for source in sources]
    restored = sum(
        n * sum(part.trained_as is not None for part in parts) for n, parts in zip(planes, plans, strict=True)
    )
    copied = sum(n * len(parts) for n, parts in zip(planes, plans, strict=True)) - restored
    made.count("images", len(sources))
    made.count("restored planes", restored, {"of channels that were copied": copied} if copied else {})
