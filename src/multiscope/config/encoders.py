"""The encoders of the section `localize`: what turns a crop into an embedding, and how it learns to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from multiscope.config.section import Channels, Name, Profiled, Section, Source

Width = Annotated[float, Field(gt=0, le=4)]
Units = Annotated[int, Field(ge=2, le=4096)]
Places = Literal["single", "combined", "several"]
BACKBONES = ("resnet18", "resnet34", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3_small", "vgg11_bn")


class Encoder(Section):
    """What all encoders offer."""

    layer: str | None = None
    """Layer whose output is the embedding."""
    channels: Channels | None = None
    """Channels that are used; all where left out."""
    train_on: Source | None = None
    """Which crops it learns from, where not those of `localize.train_on`."""

    @property
    def learns_labels(self) -> bool:
        """Whether it goes by the localization of proteins."""
        return False

    @property
    def can_be_shared(self) -> bool:
        """Whether several processes can train it: what it minimises is a mean over the samples of a batch."""
        return False


class Network(Encoder):
    """A network trained on crops."""

    intensities: Literal["standardize", "min_max", "masked"] = "standardize"
    """What is done to each channel of each crop: mean 0 and variance 1; minimum 0 and maximum 1; or minimum 0 and
    maximum 1 inside of the cell and 0 outside of it."""
    epochs: int = Field(12, ge=1)
    """Passes over the training cells; 30 in the papers."""
    batch_size: int = Field(64, ge=2)
    """Crops per step; 128 in the paper."""
    lr: float = Field(1e-3, gt=0, le=1)
    """Learning rate of Adam."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """How the rate goes on: down to 0 along a cosine, or as it is."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """Adam's decay of the mean gradient."""
    clip: float | None = Field(None, gt=0)
    """Largest norm of the gradient of a step; longer ones are shortened."""
    precision: Literal["32", "bf16-mixed", "16-mixed"] = "32"
    """Floating point of the training; `16-mixed` needs a GPU."""
    draw: Literal["uniform", "balanced", "weighted"] = "uniform"
    """Training cells of an epoch: all once, each class of `draw_by` equally often, or by the weights in `draw_by`."""
    draw_by: Name = "localization"
    """Column of the table of crops that `draw` goes by: classes such as localization, protein or plate, or weights."""
    symmetry: Literal["none", "flips", "all"] = "flips"
    """How each training crop is turned at random: not, flipped along y and x, or by quarter turns too."""
    rotation: float = Field(0.0, ge=0, le=180)
    """Degrees up to which each training crop is turned further, either way; corners are filled by reflection."""
    jitter: float = Field(0.0, ge=0, le=1)
    """How far the intensities of training crops are bent: each channel is raised to a random power from 1 / (1 + x)
    to 1 + x, between its own minimum and maximum, before `intensities`."""
    keep: Literal["last", "best"] = "last"
    """Which epoch's weights are used: the last, or that of the least loss on the validation cells."""
    patience: int | None = Field(None, ge=1)
    """Epochs without a lower loss on the validation cells after which training ends; left out: never."""

    @model_validator(mode="after")
    def _ends_late_for_the_best(self) -> Network:
        if self.patience is not None and self.keep == "last":
            raise ValueError("patience ends the training after its best epoch; set keep to best")
        return self


class Classifier(Network):
    """A network that learns to name a class of each cell."""

    target: Literal["localization", "protein"] = "localization"
    """What is named: where the protein is, or which protein it is (PIFiA's task)."""
    places: Places = "single"
    """Proteins in several places (`nucleus|cytoplasm`): kept out of training, a class of their own, or each place
    named by itself (`several`)."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Label smoothing of the cross-entropy."""
    class_weights: bool = False
    """Weigh the loss of a cell by how rare its class is, so that all classes weigh alike."""

    @property
    def learns_labels(self) -> bool:
        """Of the localization, if that is what is named."""
        return self.target == "localization"

    @property
    def can_be_shared(self) -> bool:
        """Unless the loss is weighed by the classes of the whole batch."""
        return not self.class_weights

    @model_validator(mode="after")
    def _proteins_are_single(self) -> Classifier:
        if self.target == "protein" and self.places == "several":
            raise ValueError("places: 'several' is for localizations; a cell shows one protein")
        return self


class DeepLoc(Profiled, Classifier):
    """DeepLoc (Kraus et al. 2017), as the second paper uses it."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 1.0, "dense": 512, "epochs": 30, "batch_size": 128},
        "kraus": {
            "width": 1.0,
            "dense": 512,
            "padding": "same",
            "dense_norm": True,
            "symmetry": "all",
            "batch_size": 128,
            "epochs": 30,
        },
        "pifia": {
            "width": 1.0,
            "dense": 128,
            "dense_last": 64,
            "dropout": 0.02,
            "lr": 3e-4,
            "epochs": 30,
            "batch_size": 128,
            "target": "protein",
        },
    }
    model: Literal["deeploc"]
    """The plain CNN."""
    profile: Literal["small", "paper", "kraus", "pifia"] = "small"
    """What keys that are left out are: this project's small size, the second paper's, the network of Kraus et al. 2017
    or PIFiA's, which names the protein."""
    width: Width = 0.25
    """Factor on the widths of the convolutions; 1 in the paper."""
    dense: Units = 128
    """Units of the dense layers d1 and d2; 512 in the paper."""
    dense_last: Units | None = None
    """Units of d2, where not as many as those of d1."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout between d2 and d3."""
    padding: Literal["valid", "same"] = "valid"
    """Convolutions without padding (the paper), or with (Kraus et al.)."""
    dense_norm: bool = False
    """Batch normalization of the dense layers and the logits too (Kraus et al.)."""
    layer: Literal["c1", "c2", "c3", "d1", "d2", "d3"] = "d2"
    """Layer whose output is the embedding: the mean over the place of a block of convolutions, a dense layer, or the
    logits d3."""


class Backbone(Classifier):
    """A network of torchvision as a classifier."""

    model: Literal["backbone"]
    """A network of torchvision, its first layer taking the channels there are."""
    network: Literal[BACKBONES] = "resnet18"  # type: ignore[valid-type]
    """Which one."""
    weights: Path | None = None
    """File of pretrained weights as torchvision distributes them (`.pth` or `.safetensors`), relative to `data_root`;
    random ones where left out. For other than three channels those of the first layer are averaged over the colours."""
    layer: Literal["pooled", "logits"] = "pooled"
    """Layer whose output is the embedding."""


class PairedInpainting(Profiled, Network):
    """Paired Cell Inpainting (Lu et al. 2019)."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 1.0, "lr": 1e-4, "beta1": 0.5, "epochs": 30, "schedule": "constant", "min_cells": 30},
    }
    model: Literal["paired_inpainting"]
    """Predicts the protein in one cell from the protein in another cell of the same field."""
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: this project's small size, or the published one."""
    intensities: Literal["standardize", "min_max", "masked"] = "min_max"
    """What is done to each channel of each crop, as above."""
    width: Width = 0.25
    """Factor on the widths of the convolutions; 1 in the paper."""
    protein: Name | None = None
    """Channel of the protein, which is predicted; the first where left out."""
    marker: Name | None = None
    """Channel of the marker, which is given in both cells; the second where left out."""
    min_cells: int = Field(2, ge=2)
    """Fields with fewer cells of a protein on one side of the split are left out; 30 published."""
    layer: Literal["conv1", "conv2", "conv3", "conv4", "conv5"] = "conv3"
    """Layer of the source's encoder whose maximum over the place is the embedding."""


class Compressor(Profiled, Network):
    """A network that makes a crop small and large again, on DeepLoc's convolutions."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 1.0, "latent": 512, "epochs": 30, "batch_size": 128},
    }
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: this project's small size, or that of the published classifier."""
    width: Width = 0.25
    """Factor on the widths of the convolutions."""
    latent: Units = 128
    """Size of the latent vector."""

    @property
    def can_be_shared(self) -> bool:
        """Its errors are means over pixels."""
        return True


class Autoencoder(Compressor):
    """A plain convolutional autoencoder."""

    model: Literal["autoencoder"]
    """Autoencoder."""
    layer: Literal["c1", "c2", "c3", "latent"] = "latent"
    """Layer whose output is the embedding."""


class Variational(Compressor):
    """A variational autoencoder; the mean of its latent vector is the embedding."""

    model: Literal["vae"]
    """Variational autoencoder (Kingma and Welling 2014)."""
    beta: float = Field(1.0, ge=0)
    """Weight of the divergence from the prior."""
    warm_up: float = Field(0.2, ge=0, le=1)
    """Share of the training over which that weight rises from 0."""
    layer: Literal["c1", "c2", "c3", "mean"] = "mean"
    """Layer whose output is the embedding."""


class Cytoself(Profiled, Network):
    """A vector-quantized autoencoder that names the protein, after cytoself (Kobayashi et al. 2022)."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 1.0, "codes": 512, "dims": 64, "fc": 1000, "epochs": 30, "symmetry": "all"},
    }
    model: Literal["cytoself"]
    """Two levels of codes; the protein is named from them."""
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: this project's small size, or codes as many as published."""
    width: Width = 0.25
    """Factor on the widths of the convolutions (64, 128, 256)."""
    codes: Units = 128
    """Codes of each level; 512 published."""
    dims: Units = 16
    """Length of a code; 64 published."""
    fc: Units = 128
    """Units of the dense layer before the protein is named; 1000 published."""
    commitment: float = Field(0.25, ge=0)
    """Weight of the commitment to the codes."""
    layer: Literal["vq1", "vq2"] = "vq2"
    """Layer whose output is the embedding: the histogram of the codes of the fine level, or the codes of the coarse
    level, place by place."""


class Classic(Encoder):
    """Measured features of cells, as CellProfiler's; nothing is trained but the scale of each."""

    model: Literal["classic"]
    """Shape, intensity, granularity, texture, radial distribution, spots, moments, Zernike moments and correlation
    (docs/classic-features.md)."""
    only: list[str] = []
    """Beginnings of the names of the features that are kept, `Intensity_mean` for a control that knows no more; all
    where empty."""
    pca: float | None = Field(None, gt=0, lt=1)
    """Share of the variance that principal components keep (0.95); the features themselves where left out."""
    cell_channel: Name | None = None
    """Where crops come without masks: the channel in which the cell is found; the last where left out."""
    layer: Literal["features"] = "features"
    """Layer whose output is the embedding."""


class RandomNetwork(Encoder):
    """DeepLoc as it is before training: what the images give by themselves."""

    model: Literal["random"]
    """A control."""
    width: Width = 0.25
    """Factor on the widths of the convolutions."""
    dense: Units = 128
    """Units of the dense layers d1 and d2."""
    layer: Literal["c1", "c2", "c3", "d1", "d2"] = "d2"
    """Layer whose output is the embedding."""


class OneHot(Encoder):
    """The localization of the protein itself as its embedding: what is known without any image."""

    model: Literal["one_hot"]
    """A control."""
    places: Places = "several"
    """Proteins in several places: as one place unknown to the others, of a class of their own, or 1 at each place."""
    layer: Literal["label"] = "label"
    """Layer whose output is the embedding."""

    @property
    def learns_labels(self) -> bool:
        """They are all that it knows."""
        return True


class Transfer(Classifier):
    """A network that was trained elsewhere, on new cells."""

    model: Literal["transfer"]
    """A trained network applied to this screen: as it is, with a new last layer, or trained further."""
    trained: Path
    """Folder made by `localize` in another run, relative to `data_root`."""
    learns: Literal["nothing", "probe", "all"] = "probe"
    """`nothing`: the network as it is; `probe`: a linear classifier on its embedding, which stays; `all`: the whole
    network, trained further from there."""
    cells_per_class: int | None = Field(None, ge=1)
    """Training and validation cells of each class that have labels; all where left out."""
    invariance: float = Field(0.0, ge=0)
    """Weight of keeping the former embedding linearly predictable from the new one (projection invariance), against
    the collapse of representations under fine-tuning."""
    layer: Name | None = None
    """Layer whose output is the embedding; as the network was trained where left out."""

    @property
    def learns_labels(self) -> bool:
        """Not where nothing is learned."""
        return self.learns != "nothing"

    @property
    def can_be_shared(self) -> bool:
        """What the invariance compares with is the variance over a batch."""
        return False

    @model_validator(mode="after")
    def _keys_fit_what_is_learned(self) -> Transfer:
        if self.keep == "best":
            raise ValueError("keep: 'best' is not for transfer: checkpoints hold no new last layer; use last")
        if self.invariance and self.learns != "all":
            raise ValueError("invariance is for learns: 'all'; a network that stays keeps what it knows")
        if self.target == "protein":
            raise ValueError("target: a transferred network learns localizations")
        return self


AnyEncoder = Annotated[
    DeepLoc
    | Backbone
    | PairedInpainting
    | Autoencoder
    | Variational
    | Cytoself
    | Classic
    | RandomNetwork
    | OneHot
    | Transfer,
    Field(discriminator="model"),
]
