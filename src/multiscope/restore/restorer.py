"""A trained restorer and what its card says of it: planes in camera units to their like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor, nn

from multiscope.data.patches import Scale
from multiscope.errors import InputError
from multiscope.nn.cards import load_network, read_card
from multiscope.quality.familiar import NAMES, Familiarity, Range, patch_features
from multiscope.restore.tiles import Axis, Layout, Plane, ReadRows, blended_axis, exact_axis, restore_bands

_FLIPS: tuple[tuple[int, ...], ...] = ((), (-2,), (-1,), (-2, -1))
_LARGEST_TILE, _LARGEST_REACH = 2**13, 2**10
_LOOKED_AT = 1024
Name = Annotated[str, Field(min_length=1, max_length=1000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Limits(BaseModel):
    """Intensities of a channel that are brought to -1 and 1, in camera units."""

    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _in_order(self) -> Limits:
        if not self.low < self.high:
            raise ValueError("low is not below high")
        return self


class Facts(BaseModel):
    """What a restorer's card says beside its architecture; other keys are for people."""

    model_config = ConfigDict(strict=True, extra="ignore")

    channels: Annotated[list[Name], Field(min_length=1)]
    """Channels that it was trained on."""
    scale: dict[Name, Limits]
    """The range of each channel."""
    defects: list[Name]
    """Sorted; the place of a name is its condition."""
    conditional: bool
    """Whether the network takes the condition (N,) int64 as its second argument."""
    tile: Annotated[int, Field(ge=4, le=_LARGEST_TILE)]
    """Side of the patches that it was trained on, in pixels."""
    multiple: Annotated[int, Field(ge=1, le=_LARGEST_REACH)]
    """Heights and widths that it takes are multiples of this."""
    receptive: Annotated[int, Field(ge=0, le=_LARGEST_REACH)] = 0
    """How far, in pixels, an output sees; 0 where that is not known, or has no end."""
    self_ensemble: bool
    """Whether it gives the mean over the image and its three flips."""
    familiar: dict[Name, dict[Name, dict[str, Annotated[list[Finite], Field(min_length=2, max_length=2)]]]] = {}
    """By defect and channel, what patches of the training images were like; see `multiscope.quality.familiar`."""
    floor: bool
    """Whether what is below -1 is raised to it: nothing is darker than the background that it was trained on."""

    @model_validator(mode="after")
    def _fits(self) -> Facts:
        if missing := [name for name in self.channels if name not in self.scale]:
            raise ValueError(f"scale lacks the channel {missing[0]!a}")
        for of_channels in self.familiar.values():
            if any(facts.keys() < set(NAMES) for facts in of_channels.values()):
                raise ValueError("familiar lacks a feature")
        if self.conditional and not self.defects:
            raise ValueError("conditional, but defects are empty")
        if self.tile % self.multiple:
            raise ValueError(f"tile {self.tile} is no multiple of {self.multiple}")
        return self


class Restorer:
    """A network (N, 1, Y, X) in [-1, 1] to the same, used on planes of any size in tiles.

    ```
    restorer = Restorer.load(Path("results/restore/care/seed0"), torch.device("cpu"))
    restored = restorer.plane(plane, channel="gfp", defect="noise")
    ```
    """

    def __init__(
        self, network: nn.Module, card: Mapping[str, Any], device: torch.device, *, tile: int | None = None
    ) -> None:
        """`card` has the keys of `Facts`; `tile` is used instead of the size that it was trained on."""
        self.card = dict(card)
        self.facts = _facts(card, "model")
        self._network, self._device = network.to(device).eval(), device
        self._tile = tile
        if tile is not None and (not 4 <= tile <= _LARGEST_TILE or tile % self.facts.multiple):
            raise InputError(
                f"--tile {tile}: the model takes multiples of {self.facts.multiple} from 4 to {_LARGEST_TILE}; it was "
                f"trained on {self.facts.tile} pixels"
            )

    @classmethod
    def load(cls, folder: Path, device: torch.device, *, tile: int | None = None) -> Restorer:
        """The restorer in `folder`, made by `restore`; a network of another kind is an `InputError`."""
        _facts(read_card(folder), str(folder))
        network, card = load_network(folder)
        restorer = cls(network, card, device, tile=tile)
        restorer._expect_fit(folder)
        return restorer

    def _expect_fit(self, folder: Path) -> None:
        """Refuse a card that says of its network what is not so, by one small image with each defect."""
        side = self.facts.multiple * -(-16 // self.facts.multiple)
        image = torch.zeros(1, 1, side, side, device=self._device)
        try:
            with torch.no_grad():
                for number in range(len(self.defects) if self.facts.conditional else 1):
                    condition = torch.full((1,), number, device=self._device)
                    made = self._network(image, condition) if self.facts.conditional else self._network(image)
                    if made.shape != image.shape:
                        raise ValueError(f"an image of {tuple(image.shape)} becomes one of {tuple(made.shape)}")
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            raise InputError(
                f"{folder}: its card does not fit its network ({type(error).__name__}: {why}); train it again"
            ) from None

    @property
    def channels(self) -> list[str]:
        """Names of the channels that it was trained on."""
        return self.facts.channels

    @property
    def defects(self) -> list[str]:
        """Names of the defects that it was trained on, sorted."""
        return self.facts.defects

    @property
    def tile(self) -> int | None:
        """Side of the tiles in pixels; None where blocks overlap by what an output sees: their size changes nothing."""
        return None if self.facts.receptive else self._tile or self.facts.tile

    def scale(self, channel: str) -> Scale:
        """The range of a channel."""
        if channel not in self.facts.channels:
            raise InputError(f"channel {channel!a}: the model was trained on {_listed(self.channels)}")
        found = self.facts.scale[channel]
        return Scale(low=found.low, high=found.high)

    def check_defect(self, defect: str | None) -> None:
        """Refuse a defect that the model does not know, and none where it has to be told."""
        known = _listed(self.defects) or "none"
        if defect is None and self.facts.conditional:
            raise InputError(
                f"--defect: is missing, and the model has to be told which one to remove; it knows {known}"
            )
        if defect is not None and defect not in self.defects:
            raise InputError(f"--defect {defect!a}: the model was not trained on it; it knows {known}")

    def familiarity(self, plane: npt.NDArray[Any], channel: str, defect: str | None) -> Familiarity | None:
        """How the middle of a plane (Y, X) in camera units compares with the training images, if the card says that.

        Without a defect it is compared with those of each, and the nearest counts.
        """
        known = [self.facts.familiar.get(name, {}).get(channel) for name in ([defect] if defect else self.defects)]
        size = min(_LOOKED_AT, *plane.shape)
        y, x = ((length - size) // 2 for length in plane.shape)
        features = patch_features(plane[y : y + size, x : x + size], self.facts.tile) if any(known) else None
        found = [Range.from_facts(facts).compare(features) for facts in known if facts and features is not None]
        return min(found, key=lambda familiarity: familiarity.distance, default=None)

    def layout(self, shape: tuple[int, int]) -> Layout:
        """The tiles of a plane (Y, X)."""
        height, width = shape
        return Layout(self._axis(height), self._axis(width))

    def plane(self, plane: npt.NDArray[Any], channel: str, defect: str | None) -> Plane:
        """Restore a plane (Y, X) in camera units; float32 (Y, X) in camera units."""
        return np.concatenate(list(self.bands(plane, channel, defect)))

    def bands(self, plane: npt.NDArray[Any], channel: str, defect: str | None) -> Iterator[Plane]:
        """The same in bands of rows from top to bottom, with no more than these and a few rows of tiles in memory."""
        scale = self.scale(channel)
        for band in self._bands(lambda first, end: scale.to_unit(plane[first:end]), _shape(plane), defect):
            yield scale.to_camera(band)

    def unit_plane(self, plane: npt.NDArray[Any], defect: str | None) -> Plane:
        """Restore a plane (Y, X) in [-1, 1]; what lies beyond is no error."""
        rows = plane.astype(np.float32, copy=False)
        return np.concatenate(list(self._bands(lambda first, end: rows[first:end], _shape(plane), defect)))

    def _bands(self, read: ReadRows, shape: tuple[int, int], defect: str | None) -> Iterator[Plane]:
        self.check_defect(defect)
        condition = self.defects.index(defect) if defect is not None and self.facts.conditional else None
        for band in restore_bands(
            lambda tiles: self._restored(tiles, condition), read, self.layout(shape), device=self._device
        ):
            yield band.clip(min=-1) if self.facts.floor else band

    def _restored(self, tiles: Tensor, condition: int | None) -> Tensor:
        """The network's answer, for all flips where it is one of an ensemble."""
        arguments = () if condition is None else (torch.full((len(tiles),), condition, device=tiles.device),)
        if not self.facts.self_ensemble:
            alone: Tensor = self._network(tiles, *arguments)
            return alone
        answers = [self._network(tiles.flip(axes), *arguments).flip(axes) for axes in _FLIPS]
        return torch.stack(answers).mean(dim=0)

    def _axis(self, size: int) -> Axis:
        facts = self.facts
        if facts.receptive:
            options = {"block": self._tile} if self._tile else {}
            return exact_axis(size, margin=facts.receptive, multiple=facts.multiple, **options)
        return blended_axis(size, self._tile or facts.tile)


def _facts(card: Mapping[str, Any], where: str) -> Facts:
    try:
        return Facts.model_validate(dict(card))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = f"{place}: {first['msg']}" if place else first["msg"]
        kind = ascii(card.get("architecture", "network"))[:60]
        raise InputError(
            f"{where}: holds no restorer but another {kind} (its card's {ascii(why)[1:-1][:200]}); expected a "
            "folder made by `restore`"
        ) from None


def _shape(plane: npt.NDArray[Any]) -> tuple[int, int]:
    if plane.ndim != 2 or not plane.size:
        raise ValueError(f"plane has the shape {plane.shape}; expected (Y, X)")
    return plane.shape[0], plane.shape[1]


def _listed(names: list[str]) -> str:
    return ", ".join(ascii(name)[1:-1] for name in names)
