"""The section `restore`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from multiscope.config.augment import Content
from multiscope.config.section import Name, Profiled, Section

Rate = Annotated[float, Field(gt=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
LearnsFrom = Literal["pairs", "strangers", "a few numbers"]
"""Pairs; unpaired images; or pairs, of which it learns a few numbers only, so that more of them change little."""


class Learned(Profiled):
    """What all trained restorers offer."""

    learns_from: ClassVar[LearnsFrom] = "pairs"
    self_ensemble: bool = False
    """Restore the image and its three flips, and take their mean: four times the work."""


class CGan(Learned):
    """The conditional GAN of the first paper: a residual generator, adversarial and content loss."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "multiscope": {},
        "paper": {
            "width": 64,
            "blocks": 9,
            "dropout": 0.5,
            "critic": "dense",
            "critic_width": 64,
            "skip": "half_sum",
            "lateral": False,
            "lr": 1e-4,
            "adversarial_weight": 0.1,
            "pixel_weight": 0.0,
            "ema": 0.0,
            "condition": False,
            "self_ensemble": False,
        },
    }

    model: Literal["cgan"]
    """Conditional GAN."""
    profile: Literal["multiscope", "paper"] = "multiscope"
    """What keys that are left out are: this project's recipe, or the paper's (published size: for a GPU)."""
    self_ensemble: bool = True
    """Restore the image and its three flips, and take their mean: four times the work."""
    width: int = Field(16, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(3, ge=1, le=32)
    """Residual blocks; 9 in the paper."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout in the residual blocks; 0.5 in the paper."""
    critic: Literal["pair", "image", "dense"] = "pair"
    """Discriminator: of patches of degraded and restored image side by side, of patches of the restored image alone, or
    the published code's, dense and of the image alone."""
    critic_width: int = Field(16, ge=2, le=256)
    """Channels of the discriminator's first layer."""
    skip: Literal["filtered", "residual", "half_sum"] = "filtered"
    """Output: a learned linear filter of the defect + contrast * network, which keeps dim images dim and needs
    `condition`; input + network; or the paper's (input + tanh(network)) / 2."""
    lateral: bool = True
    """Add the encoder's features to the decoder's; not in the paper. Without, fine noise cannot be taken out."""
    condition: bool = True
    """Tell the network which defect an image has (conditional instance normalization); the paper does not."""
    lr: Rate = 1e-3
    """Learning rate of Adam; 1e-4 in the paper."""
    content_weight: Weight = 1.0
    """Weight of the distance of content features."""
    adversarial_weight: Weight = 0.02
    """Weight of the adversarial term; 0.1 in the paper, whose lambda 10 is content 1 to adversarial 0.1."""
    pixel_weight: Weight = 1.0
    """Weight of the L1 distance of pixels; 0 in the paper."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the averaged weights used for restoring; 0 uses the last weights."""

    @model_validator(mode="after")
    def _filter_has_its_condition(self) -> CGan:
        if self.skip == "filtered" and not self.condition:
            raise ValueError("skip 'filtered' has a filter for each defect and needs condition true; or use 'residual'")
        return self


class Care(Learned):
    """CARE: a plain U-Net with a residual connection, mean absolute error (Weigert et al. 2018)."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {"small": {}, "paper": {"width": 32, "kernel": 5, "lr": 4e-4}}

    model: Literal["care"]
    """U-Net."""
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: a size for a CPU, or the published one."""
    width: int = Field(16, ge=2, le=256)
    """Channels of the first level; 32 in the paper."""
    kernel: Literal[3, 5] = 3
    """Size of the convolutions; 5 in the paper."""
    lr: Rate = 2e-3
    """Learning rate of Adam; falls to a tenth over the last half of the steps; 4e-4 in the paper, for 40,000 steps."""


class DeblurGan(Learned):
    """DeblurGAN: residual generator, WGAN-GP and content loss (Kupyn et al. 2018)."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 64, "blocks": 9, "critic_width": 64, "critic_steps": 5, "lr": 1e-4},
    }

    model: Literal["deblurgan"]
    """DeblurGAN."""
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: a size for a CPU, or the published one."""
    width: int = Field(16, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(3, ge=1, le=32)
    """Residual blocks; 9 in the paper."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Dropout in the residual blocks."""
    critic_width: int = Field(16, ge=2, le=256)
    """Channels of the critic's first layer; 64 in the paper."""
    critic_steps: int = Field(2, ge=1, le=100)
    """Updates of the critic for one of the generator; 5 in the paper."""
    lr: Rate = 5e-4
    """Learning rate of Adam, beta1 0.5, falling linearly over the last half of the steps; 1e-4 in the paper."""
    content_weight: Weight = 100.0
    """Weight of the squared distance of content features."""
    gradient_penalty: Weight = 10.0
    """Weight of the gradient penalty."""


class CycleGan(Learned):
    """CycleGAN: two generators learn from unpaired images (Zhu et al. 2017)."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 64, "blocks": 6, "critic_width": 64, "lr": 2e-4},
    }

    learns_from: ClassVar[LearnsFrom] = "strangers"
    model: Literal["cyclegan"]
    """CycleGAN."""
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: a size for a CPU, or the published one."""
    width: int = Field(12, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(3, ge=1, le=32)
    """Residual blocks; 6 in the paper for patches of 128."""
    critic_width: int = Field(16, ge=2, le=256)
    """Channels of the critics' first layer; 64 in the paper."""
    lr: Rate = 5e-4
    """Learning rate of Adam, beta1 0.5, falling linearly over the last half of the steps; 2e-4 in the paper."""
    cycle_weight: Weight = 10.0
    """Weight of the L1 distance after there and back."""
    identity_weight: Weight = 5.0
    """Weight of the L1 distance of what needs no change."""
    pool: int = Field(50, ge=0, le=1000)
    """Former results that the critics are shown."""


class Pix2Pix(Learned):
    """pix2pix: U-Net with batch norm, discriminator of pairs of patches (Isola et al. 2017)."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {"width": 64, "critic_width": 64, "lr": 2e-4},
    }

    model: Literal["pix2pix"]
    """pix2pix."""
    profile: Literal["small", "paper"] = "small"
    """What keys that are left out are: a size for a CPU, or the published one."""
    width: int = Field(16, ge=2, le=256)
    """Channels of the first level; 64 in the paper."""
    critic_width: int = Field(16, ge=2, le=256)
    """Channels of the discriminator's first layer; 64 in the paper."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Dropout in the inner decoder."""
    lr: Rate = 5e-4
    """Learning rate of Adam, beta1 0.5; 2e-4 in the paper."""
    pixel_weight: Weight = 100.0
    """Weight of the L1 distance of pixels."""


class Careamics(Section):
    """A method of the package careamics, with its own defaults and environment: an outside reference."""

    learns_from: ClassVar[LearnsFrom] = "pairs"
    self_ensemble: bool = False
    """Restore the image and its three flips, and take their mean: four times the work."""
    width: int = Field(32, ge=8, le=256, multiple_of=2)
    """Channels of the first level of its U-Net."""
    depth: int = Field(2, ge=1, le=5)
    """How often its U-Net halves the image."""


class CareamicsCare(Careamics):
    """CARE as careamics trains it."""

    model: Literal["careamics_care"]
    """CARE of careamics."""


class CareamicsN2v(Careamics):
    """Noise2Void as careamics trains it, from degraded images alone; one network a defect (Krull et al. 2019)."""

    learns_from: ClassVar[LearnsFrom] = "strangers"
    model: Literal["careamics_n2v"]
    """Noise2Void of careamics."""


class Filter(Section):
    """A classical filter: no weights; its parameters are chosen, defect by defect, on the training pairs."""

    learns_from: ClassVar[LearnsFrom] = "a few numbers"


class Gaussian(Filter):
    """Gaussian filter: the control for denoising."""

    model: Literal["gaussian"]
    """Gaussian filter."""


class Median(Filter):
    """Median filter."""

    model: Literal["median"]
    """Median filter."""


class Nlm(Filter):
    """Non-local means (Buades et al. 2005)."""

    model: Literal["nlm"]
    """Non-local means."""


class RichardsonLucy(Filter):
    """Richardson-Lucy deconvolution with a Gaussian point spread function."""

    model: Literal["richardson_lucy"]
    """Richardson-Lucy deconvolution."""


MethodConfig = Annotated[
    CGan
    | Care
    | DeblurGan
    | CycleGan
    | Pix2Pix
    | CareamicsCare
    | CareamicsN2v
    | Gaussian
    | Median
    | Nlm
    | RichardsonLucy,
    Field(discriminator="model"),
]


class Restore(Section):
    """Restoration of several defects by one network; methods are compared on the same pairs and steps."""

    content: Content = Content()
    """The content network."""
    steps: int = Field(600, ge=1)
    """Training steps of every method, whatever the number of pairs; 3000 in the paper's example."""
    batch_size: int = Field(8, ge=1)
    """Patches a step."""
    real_share: float = Field(0.3, ge=0, le=1)
    """Share of each batch that is drawn of the real pairs alone, where there are any: the rest is drawn of all."""
    methods: dict[Name, MethodConfig] = Field(
        default={"cgan": CGan(model="cgan"), "care": Care(model="care"), "gaussian": Gaussian(model="gaussian")},
        min_length=1,
    )
    """The restorers that are compared, by name."""
