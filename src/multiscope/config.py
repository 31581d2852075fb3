"""The configuration: pydantic models closed to unknown keys, and the only place a default is written.

Everything here describes what is analysed. Cores, memory, partitions and output folders belong to profiles and the
command line. This module is imported while Snakemake parses, so it imports nothing heavy.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from multiscope.errors import InputError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="Letters, digits, '_' and '-'.")]
Source = Annotated[str, Field(pattern=r"^(clean|degraded|restored:[A-Za-z0-9][A-Za-z0-9_-]*)$")]
Scale = Literal["compartment", "process", "pathway", "complex"]
SMALLEST_CROP = 56
"""Pixels; the valid convolutions of DeepLoc leave nothing of 48, and sizes are multiples of 8."""
STAGES = ("data", "augment", "restore", "crop", "localize", "embed", "evaluate", "report")
DefectName = Literal["noise", "axial", "blur"]
Compartment = Literal["nucleus", "cytoplasm", "er", "mitochondrion", "vacuole", "cell_periphery", "punctate"]

M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Split(Section):
    """How fields are dealt to training, validation and test. A field is never on two sides."""

    train: float = Field(0.5, gt=0, lt=1)
    """Share of each protein's fields used for training; the rest after `val` is the test side."""
    val: float = Field(0.25, ge=0, lt=1)
    """Share used to watch training."""
    seed: int = Field(0, ge=0)
    """Seed of the deal."""

    @model_validator(mode="after")
    def _leaves_a_test_side(self) -> Split:
        if self.train + self.val >= 1:
            raise ValueError("train + val must leave a share for the test side (be below 1)")
        return self


class Defect(Section):
    """One forward model applied to clean fields."""

    strength: float = Field(1.0, ge=0, le=10)
    """0 leaves the image as it is; 1 is the documented setting of the forward model."""


Defects = dict[DefectName, Defect]


class Effects(Section):
    """How far members of one group differ from those of another, in units of the cell-to-cell spread."""

    process: float = Field(3.0, ge=0, le=10)
    """Between processes of one compartment."""
    complex: float = Field(3.0, ge=0, le=10)
    """Between complexes of one process."""
    protein: float = Field(0.5, ge=0, le=10)
    """Between proteins of one complex."""


class VirtualScreen(Section):
    """Generated yeast-like fields with known biology: tagged protein and cytosol marker."""

    reader: Literal["virtual_screen"]
    """Generated data."""
    seed: int = Field(0, ge=0)
    """Seed of cells, proteins and defects."""
    compartments: list[Compartment] = Field(
        default=["nucleus", "cytoplasm", "er", "mitochondrion", "vacuole", "cell_periphery"], min_length=2
    )
    """Compartments that proteins live in, one each."""
    processes_per_compartment: int = Field(2, ge=1, le=20)
    """Processes in each compartment."""
    complexes_per_process: int = Field(2, ge=1, le=20)
    """Complexes in each process."""
    proteins_per_complex: int = Field(2, ge=1, le=20)
    """Proteins in each complex."""
    effects: Effects = Effects()
    """Sizes of the planted differences."""
    fields_per_protein: int = Field(4, ge=3, le=1000)
    """Fields imaged of each protein."""
    cells_per_field: int = Field(16, ge=1, le=500)
    """Cells tried in each field; crowded ones are left out."""
    field_size: int = Field(224, ge=96, le=2048)
    """Height and width of a field in pixels."""
    pixel_size_um: float = Field(0.16, ge=0.05, le=0.45)
    """Size of a pixel in micrometres."""
    defects: Defects = Field(default={"noise": Defect(), "axial": Defect(), "blur": Defect()})
    """Defects put on the clean fields; each field is acquired with one of them."""
    split: Split = Split()
    """Training, validation and test fields."""

    @property
    def channels(self) -> list[str]:
        """Names of the channels of a generated field."""
        return ["protein", "cytosol"]

    @field_validator("compartments")
    @classmethod
    def _compartments_differ(cls, compartments: list[Compartment]) -> list[Compartment]:
        if len(set(compartments)) != len(compartments):
            raise ValueError("each compartment may stand once")
        return compartments


class FieldsFolder(Section):
    """A folder of field images, with label images beside them where single cells are to be cut."""

    reader: Literal["fields"]
    """Images of many cells, one file a field and channel."""
    images: Path
    """Folder or zip archive of the images: TIFF, PNG or JPEG, each with one channel."""
    pattern: str = "{field}.tif"
    """File name; `{field}`, `{channel}`, `{protein}` and `{well}` are read from it, `{_}` is anything."""
    channels: list[Name] = Field(default=["image"], min_length=1)
    """Channels in the order they are stored; with one channel the pattern needs no `{channel}`."""
    labels: Path | None = None
    """Folder or zip archive of label images: 0 is background, every other number one cell or nucleus."""
    labels_pattern: str = "{field}.tif"
    """File name of a label image."""
    pixel_size_um: float | None = Field(None, gt=0)
    """Size of a pixel in micrometres, where known."""
    max_fields: int | None = Field(None, ge=4)
    """Use only that many fields, the first by name."""
    localization: dict[str, str] = {}
    """Compartment of each protein (several joined by `|`), for `localize`."""
    defects: Defects = {}
    """Defects put on the images, which are then taken as clean; needed by `augment` and `restore`."""
    split: Split = Split()
    """Training, validation and test fields."""


class CropsFolder(Section):
    """A folder or zip archive of single-cell crops, one file a cell and channel."""

    reader: Literal["crops"]
    """Images of one cell each, all of one size."""
    path: Path
    """Folder or zip archive; searched through all its folders."""
    pattern: str = "{protein}_{field}_{cell}_{channel}.tif"
    """File name; `{protein}`, `{field}`, `{cell}` and `{channel}` are read from it, `{_}` is anything."""
    channels: list[Name] = Field(default=["protein"], min_length=1)
    """Channels as they stand in the file names, in the order they are stored."""
    pixel_size_um: float | None = Field(None, gt=0)
    """Size of a pixel in micrometres, where known."""
    localization: dict[str, str] = {}
    """Compartment of each protein; several joined by `|`."""
    split: Split = Split()
    """Training, validation and test fields; a field is one protein's field."""


Data = Annotated[VirtualScreen | FieldsFolder | CropsFolder, Field(discriminator="reader")]


class Content(Section):
    """The network whose features the content loss compares."""

    vgg16: Path | None = None
    """Weights of torchvision's VGG16 (`vgg16-397923af.pth`). Left out: its place in the torch cache, and where there
    is none, a small autoencoder trained on the run's own training patches. The manifest says which was used."""
    steps: int = Field(200, ge=1)
    """Training steps of the small autoencoder."""
    width: int = Field(16, ge=2, le=256)
    """Channels of its first layer."""


class CinGan(Section):
    """The generator of defects: one network, conditional instance normalization per defect, WGAN-GP."""

    width: int = Field(12, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(2, ge=1, le=32)
    """Residual blocks; 12 in the published code."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout in the residual blocks; 0.5 in the published code."""
    skip: Literal["residual", "half_sum"] = "residual"
    """Output: input + network, or the paper's (input + tanh(network)) / 2."""
    lateral: bool = True
    """Add the encoder's features to the decoder's; not in the paper."""
    noise_planes: int = Field(1, ge=0, le=8)
    """Planes of white noise beside the clean image; 0 in the paper, whose generator has one answer to each image."""
    critic_width: int = Field(12, ge=2, le=256)
    """Channels of the critic's first layer."""
    steps: int = Field(300, ge=1)
    """Generator steps; 3000 in the paper's example."""
    critic_steps: int = Field(3, ge=1, le=100)
    """Critic steps per generator step; 5 in the paper."""
    batch_size: int = Field(8, ge=1)
    """Patches per step."""
    lr: float = Field(2e-4, gt=0, le=1)
    """Learning rate of Adam, beta 0.5 and 0.9; 1e-5 in the published code."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Weight of the gradient penalty."""
    adversarial_weight: float = Field(0.1, ge=0)
    """Weight of the Wasserstein term in the generator's loss."""
    content_weight: float = Field(1.0, ge=0)
    """Weight of the L1 distance of content features to the clean input."""
    style_weight: float = Field(1.0, ge=0)
    """Weight of the distance of Gram matrices to unpaired degraded images."""


class Pairs(Section):
    """The training pairs of the restorer."""

    setting: Literal["paired", "unpaired"] = "paired"
    """`paired`: `n_pairs` real pairs of each defect; `unpaired`: none, every pair is synthetic."""
    n_pairs: int = Field(40, ge=1)
    """Real pairs of each defect; in the unpaired setting the number that the synthetic ones are counted from."""
    alpha: float = Field(0.5, gt=0, le=1)
    """Share of real pairs in the mix: n_pairs / alpha - n_pairs synthetic pairs are added; 1 adds none."""


class Augment(Section):
    """Training pairs, real and synthetic, for `restore`."""

    data: Name
    """The data set, one with `defects`."""
    patch_size: int = Field(64, ge=16, le=1024, multiple_of=4)
    """Height and width of a patch in pixels; 128 in the paper."""
    content: Content = Content()
    """The content network."""
    cin_gan: CinGan = CinGan()
    """The generator of synthetic defects; not trained where alpha is 1."""
    pairs: Pairs = Pairs()
    """How pairs are mixed."""


class CGan(Section):
    """The restorer: a residual generator, adversarial and content loss."""

    width: int = Field(16, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(3, ge=1, le=32)
    """Residual blocks; 9 in the paper."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout in the residual blocks; 0.5 in the paper."""
    critic_width: int = Field(16, ge=2, le=256)
    """Channels of the discriminator's first layer."""
    skip: Literal["residual", "half_sum"] = "residual"
    """Output: input + network, or the paper's (input + tanh(network)) / 2."""
    lateral: bool = True
    """Add the encoder's features to the decoder's; not in the paper. Without, fine noise cannot be taken out."""
    steps: int = Field(600, ge=1)
    """Training steps, whatever the number of pairs; 3000 in the paper's example."""
    batch_size: int = Field(8, ge=1)
    """Patches per step."""
    lr: float = Field(5e-4, gt=0, le=1)
    """Learning rate of Adam; 1e-4 in the paper."""
    content_weight: float = Field(1.0, ge=0)
    """Weight of the distance of content features."""
    adversarial_weight: float = Field(0.1, ge=0)
    """Weight of the adversarial term; the paper's lambda 10 is content 1 to adversarial 0.1."""
    pixel_weight: float = Field(1.0, ge=0)
    """Weight of the L1 distance of pixels; 0 in the paper."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the averaged weights used for restoring; 0 uses the last weights."""


class Restore(Section):
    """Restoration of several defects by one network."""

    content: Content = Content()
    """The content network."""
    cgan: CGan = CGan()
    """The conditional GAN."""


class Crop(Section):
    """Single-cell crops from fields and their label images."""

    data: Name
    """The data set, one of fields with labels."""
    sources: list[Source] = Field(default=["clean"], min_length=1)
    """Which images are cut: `clean`, `degraded`, `restored:cgan`."""
    size: int = Field(64, ge=16, le=512, multiple_of=8)
    """Height and width of a crop in pixels; 56 or more for the encoders."""
    min_area: int = Field(50, ge=1)
    """Smaller objects are dropped and counted (pixels)."""


class Encoder(Section):
    """A network trained on crops."""

    epochs: int = Field(12, ge=1)
    """Passes over the training cells."""
    batch_size: int = Field(64, ge=2)
    """Crops per step; 128 in the paper."""
    lr: float = Field(1e-3, gt=0, le=1)
    """Learning rate of Adam, cosine schedule."""
    channels: list[Name] | None = Field(None, min_length=1)
    """Channels that are used; all where left out."""


class DeepLoc(Encoder):
    """The localization classifier of the second paper."""

    kind: Literal["deeploc"]
    """Localization classifier."""
    width: float = Field(0.25, gt=0, le=4)
    """Factor on the widths of the convolutions; 1 in the paper."""
    dense: int = Field(128, ge=8, le=4096)
    """Units of the dense layers d1 and d2; 512 in the paper."""
    layer: Literal["d1", "d2", "d3"] = "d2"
    """Layer whose output is the embedding."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Label smoothing of the cross-entropy."""


class Autoencoder(Encoder):
    """A plain convolutional autoencoder on the same trunk."""

    kind: Literal["autoencoder"]
    """Autoencoder."""
    width: float = Field(0.25, gt=0, le=4)
    """Factor on the widths of the convolutions."""
    latent: int = Field(128, ge=2, le=4096)
    """Size of the latent vector, which is the embedding."""
    layer: Literal["latent"] = "latent"
    """Layer whose output is the embedding."""


EncoderConfig = Annotated[DeepLoc | Autoencoder, Field(discriminator="kind")]


class Localize(Section):
    """Encoders trained on single-cell crops."""

    data: Name
    """The data set: fields (through `crop`) or crops."""
    train_on: Source = "clean"
    """Which crops the encoders learn from; all sources are embedded."""
    encoders: dict[Name, EncoderConfig] = Field(
        default={
            "deeploc": DeepLoc(kind="deeploc"),
            "autoencoder": Autoencoder(kind="autoencoder"),
        },
        min_length=1,
    )
    """The encoders that are compared, by name."""


class Embed(Section):
    """Embeddings of cells and profiles of proteins."""

    profile_split: Literal["test", "all"] = "test"
    """Cells that a protein's profile averages: those of the test side, or all."""


class Standard(Section):
    """A dated set of terms with their member proteins."""

    path: Path
    """GMT file; a `.yaml` of the same name beside it says organism, release, licence and sha256."""
    scale: Scale
    """Scale of biology that its terms stand for."""


class Evaluate(Section):
    """Scores of profiles against standards."""

    standards: dict[Name, Standard] = {}
    """Standards by name; those of a virtual screen are added by themselves."""
    min_term_size: int = Field(2, ge=2)
    """Terms with fewer profiled members are left out."""
    max_term_size: int = Field(300, ge=2)
    """Terms with more profiled members are left out."""
    n_bootstrap: int = Field(500, ge=10, le=100_000)
    """Bootstrap samples over proteins for the intervals."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence of the intervals."""

    @model_validator(mode="after")
    def _sizes_leave_room(self) -> Evaluate:
        if self.min_term_size > self.max_term_size:
            raise ValueError("min_term_size is above max_term_size; no term could be scored")
        return self


class Report(Section):
    """The page."""

    title: str = "multiscope run"
    """Its title."""
    n_examples: int = Field(2, ge=1, le=20)
    """Test images shown for each defect."""


class Config(Section):
    """The whole configuration. A stage runs when its section is there."""

    seeds: list[Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(default=[0], min_length=1)
    """Seeds of the trainings: each is one run, and the spread over them is reported."""
    data_root: Path = Path()
    """Folder that relative paths of images, labels, standards and weights start from; relative itself to the folder
    in which `snakemake` runs (`--directory`)."""
    data: dict[Name, Data] = Field(min_length=1)
    """Data sets by name."""
    augment: Augment | None = None
    """Pairs for restoration, real and synthetic."""
    restore: Restore | None = None
    """Restoration; needs `augment`."""
    crop: Crop | None = None
    """Single-cell crops."""
    localize: Localize | None = None
    """Encoders."""
    embed: Embed | None = None
    """Embeddings and profiles; needs `localize`."""
    evaluate: Evaluate | None = None
    """Scores; needs `embed`."""
    report: Report | None = Report()
    """The page."""

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("each seed may stand once")
        return seeds

    @model_validator(mode="after")
    def _sections_fit(self) -> Config:
        for stage, below in (("restore", "augment"), ("embed", "localize"), ("evaluate", "embed")):
            if getattr(self, stage) is not None and getattr(self, below) is None:
                raise ValueError(f"section '{stage}' needs section '{below}'; add it, or remove '{stage}'")
        for stage in ("augment", "crop", "localize"):
            section = getattr(self, stage)
            if section is not None and section.data not in self.data:
                raise ValueError(f"{stage}.data: no data set '{section.data}'{_did_you_mean(section.data, self.data)}")
        if self.augment is not None:
            self._check_augment(self.augment)
        if self.crop is not None:
            self._check_crop(self.crop)
        if self.localize is not None:
            self._check_localize(self.localize)
        return self

    def _check_augment(self, augment: Augment) -> None:
        data = self.data[augment.data]
        if isinstance(data, CropsFolder):
            raise ValueError(f"augment.data: '{augment.data}' holds crops; restoration works on fields")
        if not data.defects:
            raise ValueError(f"augment.data: data set '{augment.data}' has no 'defects'; name at least one")

    def _check_crop(self, crop: Crop) -> None:
        data = self.data[crop.data]
        if isinstance(data, CropsFolder):
            raise ValueError(f"crop.data: '{crop.data}' holds crops already; use it in localize.data, without 'crop'")
        if isinstance(data, FieldsFolder) and data.labels is None:
            raise ValueError(f"crop.data: data set '{crop.data}' has no 'labels'; name the folder of its label images")
        for source in crop.sources:
            if source != "clean" and not data.defects:
                raise ValueError(f"crop.sources: '{source}' needs 'defects' in data set '{crop.data}'")
            if source.startswith("restored:"):
                if source not in self.restored_sources:
                    known = ", ".join(self.restored_sources) or "none: there is no section 'restore'"
                    raise ValueError(f"crop.sources: '{source}' is not made by this run (made: {known})")
                if self.augment is not None and self.augment.data != crop.data:
                    raise ValueError(f"crop.sources: '{source}' is made from data set '{self.augment.data}'")

    def _check_localize(self, localize: Localize) -> None:
        if isinstance(self.data[localize.data], CropsFolder):
            sources = ["clean"]
        elif self.crop is None or self.crop.data != localize.data:
            raise ValueError(f"localize.data: '{localize.data}' holds fields; add a section 'crop' with that data set")
        else:
            sources = self.crop.sources
        if localize.train_on not in sources:
            raise ValueError(f"localize.train_on: '{localize.train_on}' is not cut; have {', '.join(sources)}")
        if self.crop is not None and self.crop.size < SMALLEST_CROP:
            raise ValueError(f"crop.size: {self.crop.size} is too small for the encoders; use {SMALLEST_CROP} or more")
        data = self.data[localize.data]
        if not isinstance(data, VirtualScreen) and not data.localization:
            raise ValueError(f"localize.data: data set '{localize.data}' has no 'localization'; say where proteins are")
        for name, encoder in localize.encoders.items():
            for channel in encoder.channels or []:
                if channel not in data.channels:
                    near = _did_you_mean(channel, list(data.channels))
                    raise ValueError(f"localize.encoders.{name}.channels: no channel '{channel}'{near}")

    @property
    def restored_sources(self) -> list[str]:
        """Sources that `restore` makes."""
        return ["restored:cgan"] if self.restore is not None else []


def _did_you_mean(word: str, known: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else f" (known: {', '.join(known)})"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[str]:
    """Keys that may stand where `location` points to; empty where any may."""
    found: set[type[BaseModel]] = {model}
    for step in location:
        following: set[type[BaseModel]] = set()
        for candidate in found:
            if step in candidate.model_fields:
                following |= set(_models_in(candidate.model_fields[str(step)].annotation))
        # a free name (of a data set, of an encoder) stays on the same models, a union's tag chooses one of them
        found = following or {m for m in found if (tag_of(m) or ("", ""))[1] == step} or found
    for candidate in found:
        yield from candidate.model_fields


def tag_of(model: type[BaseModel]) -> tuple[str, str] | None:
    """The key that tells a model apart in its union, and its value: ("reader", "crops")."""
    for key in ("reader", "kind"):
        if key in model.model_fields:
            return key, str(get_args(model.model_fields[key].annotation)[0])
    return None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _keys_of(values: object, location: tuple[int | str, ...], *, keep_last: bool) -> Iterator[str]:
    """The keys of `location` as they stand in the file: pydantic puts the tag of a union between them."""
    for i, step in enumerate(location):
        last = keep_last and i == len(location) - 1
        if isinstance(values, dict) and step not in values and not last:
            continue
        yield str(step)
        values = values.get(step) if isinstance(values, dict) else None


def _say(error: ValidationError, model: type[BaseModel], values: object, where: str) -> str:
    """The first fault in one line: file, path of the key, what is wrong, what may stand there."""
    faults = error.errors(include_url=False)
    # a misspelt key also leaves the right one missing: name the misspelling
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    location = tuple(fault["loc"])
    shown = ".".join(_keys_of(values, location, keep_last=fault["type"] in ("extra_forbidden", "missing")))
    if fault["type"] == "extra_forbidden":
        key = str(location[-1])
        message = f"unknown key '{key}'{_did_you_mean(key, sorted(set(_keys_at(model, location[:-1]))))}"
    elif fault["type"] == "missing":
        message = "is missing; add it"
    elif fault["type"] == "union_tag_invalid":
        key, tag = fault["ctx"]["discriminator"].strip("'"), fault["ctx"]["tag"]
        expected = [word.strip(" '") for word in fault["ctx"]["expected_tags"].split(",")]
        message = f"unknown {key} '{tag}'{_did_you_mean(tag, expected)}"
    elif fault["type"] == "union_tag_not_found":
        message = f"the key {fault['ctx']['discriminator']} is missing; add it"
    else:
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] != "value_error" and not isinstance(fault["input"], dict):
            message += f" (is {fault['input']!r})"
    more = len(faults) - 1
    rest = f" (and {more} more)" if more else ""
    return f"{where}: {shown + ': ' if shown else ''}{message}{rest}"


def parse(model: type[M], values: object, where: str) -> M:
    """Check `values` against `model`; a fault becomes one line that names `where` and the key's path."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(_say(error, model, values, where)) from None


def read_yaml(path: Path) -> Any:
    """A YAML file's content; a missing or malformed file is an `InputError`."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; name an existing YAML file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an existing YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {_what_yaml_says(error)}") from None


def _what_yaml_says(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{text}; indent with spaces, not tabs" if "\\t" in text else text


def load(path: Path) -> Config:
    """Read and check a whole configuration file."""
    return parse_config(read_yaml(path), str(path))


def parse_config(values: object, where: str) -> Config:
    """Check a whole configuration and let its relative paths start from `data_root`."""
    config = parse(Config, values, where)
    rooted = _rooted(config, config.data_root)
    assert isinstance(rooted, Config)
    return rooted.model_copy(update={"data_root": Path()})


def _rooted(value: Any, root: Path) -> Any:
    """`value` with every path in it joined to `root`."""
    if isinstance(value, Path):
        return root / value
    if isinstance(value, dict):
        return {key: _rooted(item, root) for key, item in value.items()}
    if isinstance(value, Section):
        names = type(value).model_fields.keys() - {"data_root"}
        return value.model_copy(update={name: _rooted(getattr(value, name), root) for name in names})
    return value


def as_json(section: BaseModel) -> str:
    """A section as canonical JSON: what a rule passes on its command line, and what fingerprints are made of."""
    return json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def section_from(model: type[M], text: str, *, key: str) -> M:
    """A stage's section from the command line: YAML or JSON text in braces, or the path of a YAML file.

    The file holds the section, or a whole configuration in which it stands under `key`.
    """
    values, where = _values_from(text, key)
    return parse(model, values, where)


def config_from(text: str) -> Config:
    """A whole configuration from the command line."""
    return parse_config(*_yaml_from(text))


def data_section_from(text: str, *, dataset: str) -> VirtualScreen | FieldsFolder | CropsFolder:
    """A data set's section from the command line; in a whole configuration the one called `dataset`."""
    values, where = _values_from(text, "data", dataset)
    return parse(_DataSection, {"data": values}, where).data


def encoder_section_from(text: str, *, encoder: str) -> DeepLoc | Autoencoder:
    """An encoder's section from the command line; in a whole configuration the one called `encoder`."""
    values, where = _values_from(text, "localize", "encoders", encoder)
    return parse(_EncoderSection, {"encoder": values}, where).encoder


def stages_of(config: Config) -> list[str]:
    """The stages that a configuration runs, in their order."""
    return [stage for stage in STAGES if stage == "data" or getattr(config, stage) is not None]


class _DataSection(Section):
    data: Data


class _EncoderSection(Section):
    encoder: EncoderConfig


def _yaml_from(text: str) -> tuple[Any, str]:
    """What an option holds, as text in braces or in the file it names, and where that is."""
    if not text.lstrip().startswith("{"):
        return read_yaml(Path(text)), text
    try:
        return yaml.safe_load(text), "--config"
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"--config: is not YAML or JSON: {_what_yaml_says(error)}") from None


def _values_from(text: str, *keys: str) -> tuple[Any, str]:
    values, where = _yaml_from(text)
    # a whole configuration holds its data sets by name, a section has a data set's name there or no such key
    if not isinstance(values, dict) or not isinstance(values.get("data"), dict):
        return values, where
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            raise InputError(f"{where}: has no '{'.'.join(keys)}'; name what is in it, or give the section alone")
        values = values[key]
    return values, f"{where}: {'.'.join(keys)}"
