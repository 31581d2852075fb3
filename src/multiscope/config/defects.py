"""Forward models of the imaging defects and their physical settings; docs/defects.md has the formulas."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from multiscope.config.faults import parse
from multiscope.config.section import Name, Section


class ForwardModel(Section):
    """What every forward model has: the strength of the defect."""

    strength: float = Field(1.0, ge=0, le=10)
    """0 leaves the image as it is; 1 is what the model's own keys say; in between it grows."""


class Noise(ForwardModel):
    """Photon-limited exposure: shot noise and read noise, perhaps with binning and saturation."""

    model: Literal["noise"] = "noise"
    """Few photons."""
    photons: float = Field(20.0, gt=0, le=1e6)
    """Photons at the peak (99.9 percent of a plane) at strength 1; at strength s they are 1/s of that number."""
    read_noise: float = Field(1.6, ge=0, le=1000)
    """Standard deviation of the read noise in electrons, the same at any strength."""
    binning: Literal[1, 2, 4] = 1
    """Pixels along each axis that the camera reads as one; the result is repeated on the pixels there were."""
    saturation: float | None = Field(None, gt=0, le=100)
    """Light that saturates the camera at strength 1, in units of the peak; at strength s it is 1/s of that."""


class Axial(ForwardModel):
    """Poor sampling along the optical axis, which is shown on the rows: axis Y."""

    model: Literal["axial"] = "axial"
    """Axial undersampling."""
    sigma_px: float = Field(3.0, ge=0, le=50)
    """Standard deviation of the point spread function along the axis in pixels."""
    factor: float = Field(6.0, ge=1, le=64)
    """One row of so many is kept; the others are interpolated."""
    photons: float | None = Field(None, gt=0, le=1e6)
    """Photons at the peak of the rows as acquired; left out: no noise is added."""
    read_noise: float = Field(1.6, ge=0, le=1000)
    """Standard deviation of the read noise in electrons, where `photons` are given."""


class Blur(ForwardModel):
    """Widefield instead of sectioned imaging: broad point spread function, haze, mild noise."""

    model: Literal["blur"] = "blur"
    """Widefield blur."""
    sigma_px: float = Field(2.5, ge=0, le=50)
    """Standard deviation of the point spread function in pixels."""
    haze_share: float = Field(0.2, ge=0, le=0.9)
    """Share of the light that goes out of focus."""
    haze_sigma_px: float = Field(14.0, gt=0, le=200)
    """Standard deviation of the light out of focus in pixels, the same at any strength."""
    haze_level: float = Field(0.06, ge=0, le=10)
    """Mean background that medium and depth add, smooth and random, in units of the peak."""
    photons: float = Field(400.0, gt=0, le=1e6)
    """Photons at the peak at strength 1; at strength s they are 1/s of that number."""
    read_noise: float = Field(1.6, ge=0, le=1000)
    """Standard deviation of the read noise in electrons."""


class Illumination(ForwardModel):
    """Uneven light on the field, and stray light on top of it."""

    model: Literal["illumination"] = "illumination"
    """Uneven illumination."""
    loss: float = Field(0.5, ge=0, lt=1)
    """Share of the light that is missing half a diagonal of the image away from the brightest place."""
    shift: float = Field(0.3, ge=0, le=1)
    """How far the brightest place may lie from the middle, in half-diagonals."""
    background: float = Field(0.1, ge=0, le=10)
    """Background at the bright end of a gradient across the image, in units of the peak."""
    flare: float = Field(0.1, ge=0, le=10)
    """Light in the middle of a broad flare, in units of the peak."""


class Bleaching(ForwardModel):
    """Loss of fluorescence by earlier exposures: a dimmer image by fewer photons, at the same gain of the camera."""

    model: Literal["bleaching"] = "bleaching"
    """Photobleaching."""
    loss: float = Field(0.7, ge=0, lt=1)
    """Share of the fluorescence lost at strength 1; strength is the dose, and the loss exponential in it."""
    photons: float = Field(100.0, gt=0, le=1e6)
    """Photons at the peak before bleaching."""
    read_noise: float = Field(1.6, ge=0, le=1000)
    """Standard deviation of the read noise in electrons."""


class HotPixels(ForwardModel):
    """Pixels of the camera that glow or are blind, in the same places in all channels of an image."""

    model: Literal["hot_pixels"] = "hot_pixels"
    """Hot and dead pixels."""
    hot: float = Field(5e-4, ge=0, le=0.05)
    """Share of hot pixels."""
    dead: float = Field(2e-4, ge=0, le=0.05)
    """Share of pixels without light."""
    level: float = Field(0.5, gt=0, le=1000)
    """Light that the faintest hot pixel adds, in units of the peak; one in k of them adds k times that."""
    brightest: float = Field(20.0, gt=0, le=1e5)
    """The most that one adds, in units of the peak."""
    columns: float = Field(0.0, ge=0, le=0.05)
    """Share of hot columns."""
    rows: float = Field(0.0, ge=0, le=0.05)
    """Share of hot rows."""
    line_level: float = Field(0.2, gt=0, le=1000)
    """Light that a hot column or row adds, in units of the peak."""


Part = Annotated[Noise | Axial | Blur | Illumination | Bleaching | HotPixels, Field(discriminator="model")]


class Mixture(ForwardModel):
    """Several defects, one after the other; the strength multiplies those of the parts."""

    model: Literal["mixture"] = "mixture"
    """Several defects."""
    parts: list[Part] = Field(min_length=1, max_length=8)
    """Forward models, each with its `model`, in the order of the light: the specimen, the optics, the camera."""


AnyDefect = Noise | Axial | Blur | Illumination | Bleaching | HotPixels | Mixture


def _any_of(schema: dict[str, Any]) -> None:
    """Without its `model` an entry may be of several models by its keys; its name then says of which."""
    schema["anyOf"] = schema.pop("oneOf")
    del schema["discriminator"]


Defect = Annotated[AnyDefect, Field(discriminator="model", json_schema_extra=_any_of)]
MODELS: tuple[str, ...] = tuple(str(model.model_fields["model"].default) for model in get_args(AnyDefect))
"""Names of the forward models."""


def _not_clean(name: str) -> str:
    if name == "clean":
        raise ValueError("is what images without a defect are called; choose another name")
    return name


DefectName = Annotated[Name, AfterValidator(_not_clean)]


def _models_by_name(defects: Any) -> Any:
    """The entries, each with its key `model`, which is the entry's own name where it is left out."""
    if not isinstance(defects, dict):
        return defects
    unknown = [name for name, values in defects.items() if _lacks_model(values) and name not in MODELS]
    if unknown:
        raise ValueError(
            f"'{unknown[0]}' is no forward model; name it by one ({', '.join(MODELS)}), or add the key model"
        )
    return {name: {"model": name, **values} if _lacks_model(values) else values for name, values in defects.items()}


def _lacks_model(values: Any) -> bool:
    return isinstance(values, dict) and "model" not in values


Defects = Annotated[dict[DefectName, Defect], BeforeValidator(_models_by_name)]


class _One(Section):
    defect: Defect


def defect_from(values: object, where: str) -> AnyDefect:
    """The forward model with these settings, its key `model` among them; faults are one line that names `where`."""
    return parse(_One, {"defect": values}, where).defect
