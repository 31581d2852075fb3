"""The sections `augment` and, below them, the content network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from multiscope.config.defects import Defects
from multiscope.config.section import Name, Profiled, Section

Augmentation = Literal["none", "flips", "physics", "cin_gan", "both"]


class Content(Section):
    """The network whose features the content loss compares."""

    vgg16: Path | None = None
    """Weights of torchvision's VGG16 (`vgg16-397923af.pth`). Left out: its place in the torch cache, and where there
    is none, a small autoencoder trained on the run's own training patches. The manifest says which was used."""
    steps: int = Field(200, ge=1)
    """Training steps of the small autoencoder."""
    width: int = Field(16, ge=2, le=256)
    """Channels of its first layer."""


class CinGan(Profiled):
    """The generator of defects: one network, conditional instance normalization per defect, WGAN-GP."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {
            "width": 64,
            "blocks": 12,
            "dropout": 0.5,
            "skip": "half_sum",
            "lateral": False,
            "noise_planes": 0,
            "critic_width": 64,
            "steps": 3000,
            "critic_steps": 5,
            "batch_size": 100,
            "lr": 1e-5,
            "decay": False,
            "contrast": False,
            "adversarial_weight": 0.1,
            "content": "features",
            "content_weight": 1.0,
            "style_weight": 1.0,
            "spectral_weight": 0.0,
            "ema": 0.0,
        },
    }
    PROFILES["published_code"] = PROFILES["paper"] | {
        "generator": "published_code",
        "critic": "published_code",
        "content": "unpaired",
        "style": "published_code",
    }

    profile: Literal["small", "paper", "published_code"] = "small"
    """What keys that are left out are: a size and losses for a CPU; the paper's; or those of the published code where
    it differs from the paper (scalar CIN in three layers, a critic that is not told the defect, other losses)."""
    generator: Literal["cin", "published_code"] = "cin"
    """Network: conditional instance norm of every channel at every norm, or as in the published code."""
    width: int = Field(12, ge=2, le=256)
    """Channels of the first layer; 64 in the paper."""
    blocks: int = Field(2, ge=1, le=32)
    """Residual blocks; 12 in the published code."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout in the residual blocks; 0.5 in the published code."""
    skip: Literal["stochastic", "residual", "half_sum"] = "stochastic"
    """Output: input + contrast * (network + its map of spreads * white noise), input + network, or the paper's
    (input + tanh(network)) / 2. The published generator knows the last alone."""
    lateral: bool = True
    """Add the encoder's features to the decoder's; not in the paper."""
    noise_planes: int = Field(1, ge=0, le=8)
    """Planes of white noise beside the clean image; 0 in the paper, whose generator has one answer to each image."""
    critic: Literal["patch", "published_code"] = "patch"
    """Critic: of overlapping patches and told the defect, or as in the published code, of the whole and not told."""
    critic_width: int = Field(12, ge=2, le=256)
    """Channels of the critic's first layer; 64 in the published code."""
    steps: int = Field(600, ge=1)
    """Generator steps, each with one of the defects; 3000 in the paper's example."""
    critic_steps: int = Field(1, ge=1, le=100)
    """Critic steps per generator step; 5 in the paper."""
    batch_size: int = Field(8, ge=1)
    """Patches per step; 100 in the paper."""
    lr: float = Field(1e-3, gt=0, le=1)
    """Learning rate of Adam, beta 0.5 and 0.9; 1e-5 in the published code."""
    decay: bool = True
    """Let the learning rate fall to 0 over the last half of the steps; not in the paper."""
    contrast: bool = True
    """Show critic and losses patches that are divided by their contrast, so that dim fields teach as much as bright
    ones; not in the paper."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Weight of the gradient penalty."""
    adversarial_weight: float = Field(0.05, ge=0)
    """Weight of the Wasserstein term in the generator's loss; 0.1 in the published code."""
    content: Literal["coarse", "features", "unpaired"] = "coarse"
    """What must stay: means over 8 x 8 pixels of the clean input; its content features; or, as in the published code,
    content features of a degraded image of another place."""
    content_weight: float = Field(3.0, ge=0)
    """Weight of the L1 distance of the content; 1 in the paper."""
    style: Literal["gram", "published_code"] = "gram"
    """Distance of Gram matrices of content features: Frobenius norm, or summed and scaled as in the published code."""
    style_weight: float = Field(0.0, ge=0)
    """Weight of the distance of Gram matrices to unpaired degraded images; 1 in the paper."""
    spectral_weight: float = Field(1.0, ge=0)
    """Weight of the distance of log power spectra, of batches, to those of the degraded training patches; 0 in the
    paper."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the averaged weights that are kept; 0 keeps the last weights, as in the paper."""
    extend: Path | None = None
    """Folder of a trained generator that learns the defects it does not know by new rows of its conditional norms
    alone; what it knows stays as it is. Its network is taken as it is: keys of the generator's size have no effect."""

    @model_validator(mode="after")
    def _published_generator(self) -> CinGan:
        if self.generator == "published_code" and self.skip != "half_sum":
            raise ValueError("generator 'published_code' has skip 'half_sum'; set it, or use profile published_code")
        return self

    @property
    def uses_content(self) -> bool:
        """Whether any loss compares features of the content network."""
        return self.style_weight > 0 or (self.content != "coarse" and self.content_weight > 0)


class Pairs(Section):
    """The training pairs of the restorer."""

    setting: Literal["paired", "unpaired"] = "paired"
    """`paired`: `n_pairs` real pairs of each defect; `unpaired`: none, every pair is synthetic."""
    n_pairs: Annotated[int, Field(ge=1)] | Literal["all"] = 40
    """Real pairs of each defect, at places that do not overlap; those of a smaller number are the first of a larger
    one. In the unpaired setting the number that the synthetic ones are counted from."""
    augmentation: Augmentation = "cin_gan"
    """How more is made of the pairs: not at all; `flips` of the batches alone; synthetic pairs, beside flips, made by
    forward models (`physics`), by `cin_gan`, or half by each (`both`)."""
    alpha: float = Field(0.5, gt=0, le=1)
    """Share of real pairs in the mix: n_pairs / alpha - n_pairs synthetic pairs of each defect are added, a fraction of
    a pair is dropped; 1 adds none."""
    n_synthetic: Annotated[int, Field(ge=0)] | None = None
    """Synthetic pairs of each defect, in place of `alpha`."""
    physics: Defects = {}
    """Forward models by the name of the defect that they stand for. Left out: the model of that name as it is
    documented, since nobody knows how strong the defects of real images are."""
    strengths: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0, le=10)]] = (0.5, 1.5)
    """Lowest and highest strength of a pair made by a forward model, in units of that of the model; each pair has its
    own, drawn uniformly, since the strength of the real defect is not known."""

    @model_validator(mode="after")
    def _strengths_rise(self) -> Pairs:
        low, high = self.strengths
        if low > high:
            raise ValueError(f"strengths: the lowest, {low:g}, is above the highest, {high:g}; exchange them")
        return self

    @property
    def makers(self) -> list[Literal["physics", "cin_gan"]]:
        """What makes synthetic pairs, where any are asked for."""
        none_asked = self.n_synthetic == 0 if self.n_synthetic is not None else self.alpha == 1
        if none_asked or self.augmentation in ("none", "flips"):
            return []
        return ["physics", "cin_gan"] if self.augmentation == "both" else [self.augmentation]  # type: ignore[list-item]

    @property
    def needs_generator(self) -> bool:
        """Whether pairs of CIN-GAN are asked for."""
        return "cin_gan" in self.makers

    def synthetic_beside(self, n_real: int) -> int:
        """Synthetic pairs beside `n_real` real ones: n / alpha - n without its fraction, or the number given."""
        if not self.makers:
            return 0
        if self.n_synthetic is not None:
            return self.n_synthetic
        return int(n_real / self.alpha - n_real + 1e-9)


class Augment(Section):
    """Training pairs, real and synthetic, for `restore`."""

    data: Name
    """The data set, one with `defects`."""
    patch_size: int = Field(64, ge=16, le=1024, multiple_of=4)
    """Height and width of a patch in pixels; 128 in the paper."""
    content: Content = Content()
    """The content network."""
    cin_gan: CinGan = CinGan()
    """The generator of synthetic defects; trained where `pairs` or a sweep asks for its pairs."""
    pairs: Pairs = Pairs()
    """How pairs are mixed."""
