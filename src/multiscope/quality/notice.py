"""What a user should know of some images, in a sentence with numbers and one that says what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["warning", "information"]
MOST_EXAMPLES = 5

ADVICE: dict[str, tuple[Level, str]] = {
    "not_finite": ("warning", "Export them again, without dividing by zero or taking logarithms."),
    "constant": ("warning", "Such an image holds nothing: check the acquisition, or leave it out."),
    "empty": ("warning", "Hardly anything is in it: check the acquisition, or leave it out."),
    "saturated": ("warning", "What is brighter is lost: expose less, and do not measure brightness here."),
    "clipped": ("warning", "What is darker is lost: use the images as the camera gave them, before background was "
                "subtracted or contrast was set."),
    "offset": ("warning", "That is usually a signed number written as an unsigned one: subtract it, or export again."),
    "duplicate": ("warning", "Keep one of each, or a test image is also a training image."),
    "near_duplicate": ("warning", "Look at them: one picture saved twice, channels of one field and neighbouring "
                       "time points must stay on one side of the split ('split.by')."),
    "uneven_illumination": ("warning", "Correct it with a flat-field image before measuring brightness; an encoder may "
                            "learn the place in the field."),
    "jpeg": ("warning", "JPEG changed the numbers and blurred fine structure: use the original files."),
    "jpeg_grid": ("warning", "They were JPEG once, which changed the numbers: use the original files."),
    "annotation": ("warning", "A network will learn it: export the images without scale bar, text or margin."),
    "hot_pixels": ("warning", "Use percentiles to set contrast, never minimum and maximum; a median of 3 x 3 pixels at "
                   "these places removes them."),
    "mixed_dtype": ("warning", "Their numbers may not compare: export all images alike."),
    "mixed_channels": ("warning", "Name under 'channels' those that are used; files without them are refused."),
    "mixed_pixel_size": ("warning", "Objects differ in size in pixels: make separate data sets of them, or resample."),
    "mixed_range": ("warning", "They may have been rescaled one by one: use the images as the camera gave them."),
    "anisotropic": ("warning", "Objects look stretched: check the pixel size, or resample."),
    "implausible_pixel_size": ("warning", "Perhaps it is the camera's pixel, not the sample's, or the unit is wrong: "
                               "set 'pixel_size_um'."),
    "label_image": ("information", "It looks like a label image or mask: name it under 'labels', not under 'images'."),
    "no_pixel_size": ("information", "Give it as 'pixel_size_um', so that sizes are in micrometres."),
    "mixed_shape": ("information", "Fields may differ in size; crops must not."),
    "eight_bit": ("information", "256 levels cannot tell dim structures apart: use the camera's own files if there "
                  "are any."),
    "unused_bits": ("information", "Nothing is wrong: the camera has fewer bits than the file."),
    "remark": ("information", "The reader noticed this in the file's metadata."),
    "sampled": ("information", "Other images may differ from those."),
}  # fmt: skip
"""Level and advice of each code."""


@dataclass(frozen=True)
class Notice:
    """Something about `n` images; `examples` are names of some, as they stand in the files."""

    code: str
    level: Level
    text: str
    n: int
    examples: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For a manifest or a file."""
        return asdict(self) | {"examples": list(self.examples)}


def notice(code: str, seen: str, n: int, examples: tuple[str, ...] | list[str] = ()) -> Notice:
    """A notice on what was `seen`, a sentence without its full stop, with the advice of its code."""
    level, advice = ADVICE[code]
    return Notice(code, level, f"{seen}. {advice}", n, tuple(examples)[:MOST_EXAMPLES])


@dataclass(frozen=True)
class Finding:
    """What was seen in one channel of one image; `weight` says how bad it is."""

    code: str
    seen: str
    weight: float


@dataclass
class Findings:
    """Findings of one code over images: how many, the worst, some examples. Images are added one after another."""

    code: str
    names: list[str]
    n: int = 0
    worst: tuple[float, str, str] = (float("-inf"), "", "")
    last: str | None = None

    def add(self, name: str, channel: str, finding: Finding) -> None:
        """Add one finding in the channel of an image."""
        if name != self.last:
            self.n, self.last = self.n + 1, name
            self.names += [name] if self.n <= MOST_EXAMPLES else []
        if finding.weight > self.worst[0]:
            where = f"{name!r}, channel {channel!r}" if channel else repr(name)
            self.worst = (finding.weight, where, finding.seen)

    def notice(self, n_images: int) -> Notice:
        """One notice on all of them."""
        _, where, seen = self.worst
        most = f"1 image of {n_images}" if self.n == 1 else f"{self.n} of {n_images} images, most in"
        return notice(self.code, f"{most} {where}: {seen}" if self.n > 1 else f"{most}, {where}: {seen}", self.n,
                      self.names)  # fmt: skip
