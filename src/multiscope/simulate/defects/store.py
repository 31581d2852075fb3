"""Whatever images are at a path, with one defect, as an OME-Zarr store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from multiscope.config import Defect
from multiscope.errors import InputError
from multiscope.folders.manifest import stage_output
from multiscope.images.image import Array, ImageInfo, as_intensities
from multiscope.images.open import open_images
from multiscope.progress import track
from multiscope.simulate.defects.degrade import degrade
from multiscope.simulate.defects.light import light_of
from multiscope.stores.fields import write_field
from multiscope.stores.plates import describe_store, field_paths

_VERSION = 1


def degrade_store(source: Path, out: Path, defect: Defect, *, seed: int, offset: float | None = None) -> None:
    """Put `defect` on all images at `source`, and write them to `degraded.zarr` in the folder `out`.

    `source` is a file, an OME-Zarr image, plate or collection, or a folder or zip archive of images. The store is a
    plate where every image has a well, else a collection; time points become images of their own, z-stacks stay stacks.
    Channels keep their names, pixels their size and kind of number (signed integers become unsigned, float64 float32).
    Light is that of a whole stack, for it is exposed as one. One time point is in memory. `manifest.json` says by what
    the images were made; a job that is killed goes on where it was.

    Args:
        source: the images.
        out: folder that is made.
        defect: the model and its settings.
        seed: of all randomness; an image has the same numbers whatever else there is.
        offset: count without light; left out, the background (1 percent) of each channel.

    Raises:
        InputError: no image at `source`, one that cannot be read, or `out` holds what is not ours.
    """
    config = {"defect": defect.model_dump(mode="json"), "offset": offset}
    with (
        open_images(source) as found,
        stage_output(
            out, stage="degrade", version=_VERSION, config=config, inputs={"images": source}, seed=seed
        ) as made,
    ):
        images = [(image, time) for image in found for time in range(image.info.shape[0])]
        if not images:
            raise InputError(f"{source}: has no image that can be read; expected images to degrade: correct the path")
        paths = _paths([(image.info, time) for image, time in images])
        for (image, time), path in track(zip(images, paths, strict=True), what="degrade: images", total=len(images)):
            with made.unit(path) as unit:
                if not unit.finished:
                    pixels = as_intensities(image.read(time=time), where=image.info.where)
                    degraded = _degraded(pixels, defect, _seed_of(seed, image.info.name, time), offset)
                    _write(unit.path(f"degraded.zarr/{path}"), degraded, image.info)
        describe_store(made.path / "degraded.zarr", paths, plate=images[0][0].info.plate)
        made.count("images", len(images), {"cannot be read": len(found.refused)} if found.refused else None)
        made.note("refused", found.refused)


def _paths(images: list[tuple[ImageInfo, int]]) -> list[str]:
    """Where each image and time point lies in the store."""
    several = any(info.shape[0] > 1 for info, _ in images)
    ids = [f"{info.name}_t{time:04d}" if info.shape[0] > 1 else info.name for info, time in images]
    # the time points of a well have one site
    wells = [""] * len(ids) if several else [info.well for info, _ in images]
    plates, sites = ([getattr(info, key) for info, _ in images] for key in ("plate", "site"))
    return field_paths(ids, plates=plates, wells=wells, sites=sites)


def _degraded(pixels: Array, defect: Defect, seed: int, offset: float | None) -> Array:
    """Pixels (C, Z, Y, X) with the defect."""
    lights = [light_of(channel) for channel in pixels]
    darks = [dark if offset is None else offset for dark, _ in lights]
    peaks = [max(dark + peak - own, 0.0) for (dark, peak), own in zip(lights, darks, strict=True)]
    return degrade(pixels, defect, seed=seed, offset=np.array(darks)[:, None], peak=np.array(peaks)[:, None])


def _write(path: Path, pixels: Array, info: ImageInfo) -> None:
    channels = info.channels or tuple(f"channel{number}" for number in range(info.shape[1]))
    image = pixels if info.shape[2] > 1 else pixels[:, 0]
    write_field(path, image, channels=channels, pixel_size=info.pixel_size)


def _seed_of(seed: int, name: str, time: int) -> int:
    digest = hashlib.sha256(f"{seed}\0{name}\0{time}".encode()).digest()
    return int.from_bytes(digest[:8], "little")
