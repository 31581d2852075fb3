"""Restoring real pairs: a nucleus in the confocal and the widefield microscope, and an image with a hot pixel.

    python -m benchmarks.real_pairs ../shared/data --out /tmp/real_pairs

DATA holds `dsb2018_nuclei/images`, and of the NEUBIAS training images in `neubias`: `xyzc_16bit__dna_conf_wf.tif` (one
nucleus, channel 0 confocal, channel 1 widefield), `xyc_16bit__membranes_nuclei_hot_pixel.tif` and the same image
without the hot pixel, `xyc_8bit__membranes_nuclei.tif`. Two ways to a restorer:

- no real pairs: trained on other nuclei, degraded by the forward models `blur` and `hot_pixels` as they are documented,
  and applied to the real images;
- real pairs: trained on one half of the nucleus and applied to the other half, a gap between them.

Input scales differ from those that a model was trained on. Two numbers bring them there: the 0.1 and 99.9 percentile of
the input become those of the degraded training images (with real pairs: those of the confocal training half).
Afterwards the result is brought back by the same two numbers. Rows "as it is" show what happens without.

Scores are of planes in which the nucleus is in focus, each against the confocal plane. `affine` fits gain and offset,
because the two cameras count differently. Intervals are over planes, which are of one nucleus and resemble their
neighbours: they are too narrow, and say nothing of other nuclei. One seed. Contact sheets go to the folder `--out`.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from benchmarks.summary import machine
from multiscope import config
from multiscope.augment.stage import run_pairs
from multiscope.data.patches import Fields
from multiscope.data.stage import run as run_data
from multiscope.images.open import open_images
from multiscope.metrics.intervals import mean_interval, paired_interval
from multiscope.metrics.score import score
from multiscope.nn.cards import read_card
from multiscope.restore.apply import apply_restorer
from multiscope.restore.stage import run as run_restore
from multiscope.stores.fields import read_field, write_field

Array = npt.NDArray[Any]
Images = dict[str, Array]
"""By method; of all planes."""

STACK = "neubias/xyzc_16bit__dna_conf_wf.tif"
HOT, COLD = "neubias/xyc_16bit__membranes_nuclei_hot_pixel.tif", "neubias/xyc_8bit__membranes_nuclei.tif"
LOW, HIGH = 0.1, 99.9
PATCH = 64
GAP = 8
"""Pixels between the half that is trained on and the half that is tested on."""
IN_FOCUS = 0.1
"""A plane's peak is at least this share of that of the brightest confocal plane."""
RESTORE = {"content": {"steps": 100}, "steps": 300, "batch_size": 4}
STRANGERS = {name: {"model": name} for name in ("cgan", "care", "richardson_lucy", "median")}
ALONE = {"care": {"model": "care"}}
"""Trained once more on `blur` alone, added after CARE was seen to learn nothing beside hot pixels."""
PAIRED = {name: {"model": name} for name in ("cgan", "care", "richardson_lucy", "gaussian")}
COLUMNS = [("psnr", "affine"), ("ssim", "affine"), ("frc", "fixed")]


@dataclass(frozen=True)
class Match:
    """Two numbers between the scale of an image and that of a model."""

    gain: float
    offset: float

    @classmethod
    def of(cls, image: Array, reference: Array) -> Match:
        """Brings the percentiles of `image` to those of `reference`."""
        (low, high), (to_low, to_high) = (np.percentile(pixels, (LOW, HIGH)) for pixels in (image, reference))
        gain = (to_high - to_low) / (high - low)
        return cls(float(gain), float(to_low - gain * low))

    def there(self, image: Array) -> Array:
        """To the model's scale."""
        return (image * self.gain + self.offset).astype(np.float32)

    def back(self, image: Array) -> Array:
        """To the image's own."""
        return ((image - self.offset) / self.gain).astype(np.float32)


NO_MATCH = Match(1.0, 0.0)


@dataclass(frozen=True)
class Trained:
    """A data folder, and the folder of each method trained on its pairs."""

    data: Path
    models: dict[str, Path]


def read(path: Path) -> Array:
    """The image in a file, (C, Z, Y, X)."""
    with open_images(path) as images:
        (image,) = images
        return np.asarray(image.read(time=0))


def train(data: config.AnyData, pairs: dict[str, Any], methods: dict[str, Any], out: Path, *, seed: int) -> Trained:
    """The stages data, pairs and restore, each where it is not there yet."""
    augment = config.Augment.model_validate(
        {"data": out.name, "patch_size": PATCH, "content": RESTORE["content"], "pairs": pairs}
    )
    restore = config.Restore.model_validate({**RESTORE, "methods": methods})
    if not is_there(out / "data"):
        run_data(out=out / "data", dataset=out.name, config=data)
    if not is_there(out / "pairs"):
        run_pairs(data=out / "data", generator=None, out=out / "pairs", config=augment, seed=seed, device="cpu")
    models = {method: out / method for method in methods}
    for method, model in models.items():
        if not is_there(model):
            run_restore(
                data=out / "data",
                pairs=out / "pairs",
                out=model,
                state=out / f"{method}.state",
                method=method,
                config=restore,
                seed=seed,
                device="cpu",
            )
    return Trained(out / "data", models)


def is_there(folder: Path) -> bool:
    return (folder / "manifest.json").is_file()


def applied(trained: Trained, image: Array, defect: str, matches: Sequence[Match], out: Path) -> Images:
    """`restore apply` by every model to an image (C, ..., Y, X), by the match of each channel; in the image's units."""
    names = [f"channel{number}" for number in range(len(image))]
    scaled = np.stack([match.there(channel) for match, channel in zip(matches, image, strict=True)])
    write_field(out / "input.zarr", scaled, channels=names)
    found = {}
    for method, model in trained.models.items():
        place = out / f"{method}.zarr"
        apply_restorer(
            model=model,
            source=out / "input.zarr",
            out=place,
            defect=defect,
            channel_map=dict.fromkeys(names, "dna"),
            device="cpu",
            dtype="float32",
        )
        restored = read_field(place)
        found[method] = np.stack([match.back(channel) for match, channel in zip(matches, restored, strict=True)])
    return found


def degraded_pixels(data: Path, defect: str) -> Array:
    """All pixels of the training fields with that defect."""
    fields = Fields(data)
    return np.concatenate(
        [fields.image(defect, name).ravel() for name in fields.rows(split="train", defect=defect)["field_id"]]
    )


def in_focus(confocal: Array) -> Array:
    """Numbers of the planes (Z, Y, X) that hold the nucleus: elsewhere a confocal microscope sees next to nothing."""
    peaks = np.percentile(confocal, HIGH, axis=(1, 2))
    return np.flatnonzero(peaks >= IN_FOCUS * peaks.max())


def structures(stack: Array) -> Array:
    """What is finer than a nucleus and coarser than noise, plane by plane."""
    stack = stack.astype(np.float64)
    return np.asarray(ndimage.gaussian_filter(stack, (0, 1, 1)) - ndimage.gaussian_filter(stack, (0, 4, 4)))


def similarity(a: Array, b: Array) -> float:
    """Pearson's correlation."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def misalignment(confocal: Array, widefield: Array, planes: Array) -> tuple[int, int, int]:
    """By how many planes, rows and columns the widefield stack must be looked up elsewhere to show the same place.

    Whole pixels, so that no pixel is interpolated: the shift with the largest mean correlation of the structures in the
    planes in focus. Prints it, and what phase correlation finds in each plane.
    """
    fixed, moving = structures(confocal), structures(widefield)
    steps = range(max(-5, -int(planes.min())), min(5, len(moving) - 1 - int(planes.max())) + 1)
    best: dict[tuple[int, int, int], list[float]] = {}
    for dy, dx in product(range(-6, 7), repeat=2):
        shifted = np.roll(moving, (-dy, -dx), axis=(1, 2))[:, 8:-8, 8:-8]
        for dz in steps:
            best[dz, dy, dx] = [similarity(fixed[z, 8:-8, 8:-8], shifted[z + dz]) for z in planes]
    shift = max(best, key=lambda key: float(np.mean(best[key])))
    dz, dy, dx = shift
    partners = [max((best[z, dy, dx][i], z) for z in steps)[1] for i in range(len(planes))]
    phase = np.array(
        [phase_cross_correlation(moving[z + dz], fixed[z], upsample_factor=20)[0] for z in planes], dtype=float
    )
    print(f"planes in focus: {planes.min()} to {planes.max()} of the {len(confocal)} of the confocal channel, from 0")
    before, after = float(np.mean(best[0, 0, 0])), float(np.mean(best[shift]))
    print(f"shift (z, y, x): {shift} pixels; correlation of structures {before:.3f} as stored, {after:.3f} shifted")
    print(f"most similar widefield planes, plane by plane: {' '.join(f'{partner:+d}' for partner in partners)}")
    rows, columns = (np.percentile(phase[:, axis], (0, 50, 100)) for axis in (0, 1))
    print(f"phase correlation of the planes, least, median, largest: y {rows.round(2)}, x {columns.round(2)}")
    return shift


def overlap(confocal: Array, widefield: Array, shift: tuple[int, int, int], planes: Array) -> tuple[Array, Array]:
    """The planes in focus of both, shifted onto one another, where both have pixels."""
    dz, dy, dx = shift
    fixed, moving = confocal[planes], widefield[planes + dz]
    for axis, step in ((1, dy), (2, dx)):
        size = fixed.shape[axis]
        fixed = np.take(fixed, range(max(0, -step), size - max(0, step)), axis=axis)
        moving = np.take(moving, range(max(0, step), size - max(0, -step)), axis=axis)
    return fixed, moving


def scored(images: Images, clean: Array, planes: Sequence[Any], data_range: Sequence[float]) -> pd.DataFrame:
    """One row a method, plane, metric and rule."""
    return pd.DataFrame(
        [
            {"method": method, "plane": plane, "metric": metric, "rule": rule, "value": value}
            for method, stack in images.items()
            for plane, image, target, span in zip(planes, stack, clean, data_range, strict=True)
            for metric, rule, value in score(image, target, data_range=span)
        ]
    )


def table(scores: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> str:
    """Markdown: a row a method, mean over planes with its interval, and what it gains over the input."""
    heads = [f"{metric}, {rule}" if metric != "frc" else metric for metric, rule in columns]
    lines = [f"| method | {' | '.join(f'{head} | gain' for head in heads)} |", "|---" * (1 + 2 * len(heads)) + "|"]
    for method, group in scores.groupby("method", sort=False):
        cells = [str(method)]
        for metric, rule in columns:
            which = (scores["metric"] == metric) & (scores["rule"] == rule)
            mine = group[which.loc[group.index]].set_index("plane")["value"]
            given = scores[which & (scores["method"] == "input")].set_index("plane")["value"]
            mean = mean_interval(mine, mine.index)
            gain = paired_interval(mine, given.loc[mine.index], mine.index)
            cells.append(f"{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})")
            cells.append("" if method == "input" else f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def sheet(images: Images, rows: dict[str, int], path: Path, *, limits: Array | None = None) -> None:
    """A contact sheet: a row an image number, a column a method; each panel stretched alone, or all to `limits`."""
    figure = Figure(figsize=(2.4 * len(images), 2.6 * len(rows)))
    axes = figure.subplots(len(rows), len(images), squeeze=False)
    for line, (name, number) in zip(axes, rows.items(), strict=True):
        for axis, (method, stack) in zip(line, images.items(), strict=True):
            low, high = np.percentile(stack[number], (1, HIGH)) if limits is None else limits[number]
            axis.imshow(stack[number], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"{method}, {name}", fontsize=7)
            axis.set_axis_off()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def nuclei(data: Path, out: Path, defects: Sequence[str], methods: dict[str, Any], *, seed: int) -> Trained:
    """Restorers of other nuclei, trained on pairs that forward models made."""
    section = config.FieldsFolder.model_validate(
        {
            "reader": "fields",
            "images": data / "dsb2018_nuclei" / "images",
            "pattern": "{field}.png",
            "channels": ["dna"],
            "max_fields": 60,
            "defects": {defect: {} for defect in defects},
            "split": {"train": 0.8, "val": 0.1},
        }
    )
    pairs = {"setting": "unpaired", "augmentation": "physics", "n_synthetic": 200}
    return train(section, pairs, methods, out, seed=seed)


def own_test(trained: Trained) -> None:
    """Print how the models do on test fields of the kind that they were trained on, and what filters chose."""
    for method, model in trained.models.items():
        table = pd.read_parquet(model / "scores.parquet").query("metric == 'psnr' and rule == 'fixed'")
        means = table.groupby(["defect", "method"])["value"].mean().unstack()
        found = "; ".join(f"{name} {row['input']:.2f} to {row[method]:.2f}" for name, row in means.iterrows())
        arguments = read_card(model)["arguments"] if method not in ("cgan", "care") else ""
        print(f"own test fields, psnr, fixed: {method}: {found} {arguments}")


def stack_by_strangers(trained: Trained, widefield: Array, out: Path, trained_on: str = "") -> Images:
    """The whole widefield stack (Z, Y, X), restored by models of other nuclei: brought to their scale, and as it is."""
    match = Match.of(widefield, degraded_pixels(trained.data, "blur"))
    print(f"widefield to the scale of the blurred nuclei: times {match.gain:.4f}, plus {match.offset:.1f}")
    found: Images = {}
    for name, by in (("", match), (", as it is", NO_MATCH)):
        place = out / f"stack{trained_on}{name}".replace(", ", "_").replace(" ", "_")
        restored = applied(trained, widefield[None], "blur", [by], place)
        found |= {method + trained_on + name: stack[0] for method, stack in restored.items()}
    return found


def hot_pixel(trained: Trained, data: Path, out: Path) -> None:
    """The image with a hot pixel."""
    hot, clean = read(data / HOT)[:, 0], read(data / COLD)[:, 0]
    places = np.argwhere((hot.astype(np.int64) != clean).any(axis=0))
    (y, x), span = places[0], [float(np.ptp(np.percentile(channel, (LOW, HIGH)))) for channel in clean]
    print(f"{len(places)} pixel differs, (y, x) = ({y}, {x}): {clean[:, y, x]} became {hot[:, y, x]}; ranges {span}")
    reference = degraded_pixels(trained.data, "hot_pixels")
    matches = [Match.of(channel, reference) for channel in hot]
    images = {"input": hot}
    for name, by in (("", matches), (", as it is", [NO_MATCH] * len(hot))):
        place = out / f"hot{name}".replace(", ", "_").replace(" ", "_")
        found = applied(trained, hot, "hot_pixels", by, place)
        images |= {method + name: image for method, image in found.items()}
    scores = scored(images, clean, range(len(hot)), span)
    print("\n### The hot pixel: no real pairs\n")
    wanted = [("psnr", "fixed"), ("ssim", "fixed"), ("psnr", "affine"), ("ssim", "affine")]
    keys = [(channel, *each) for channel in range(len(hot)) for each in wanted]
    heads = [f"channel {channel}: {metric}, {rule}" for channel, metric, rule in keys]
    print(f"| method | {' | '.join(heads)} | at the pixel | other pixels off by more than 10 |")
    print("|---" * (len(heads) + 3) + "|")
    values = scores.set_index(["method", "plane", "metric", "rule"])["value"]
    for method, image in images.items():
        cells = [f"{values[(method, *key)]:.3f}" for key in keys]
        off = np.abs(image.astype(np.float64) - clean) > 10
        off[:, y, x] = False
        beside = ", ".join(str(int(channel.sum())) for channel in off)
        at = ", ".join(f"{value:.0f}" for value in image[:, y, x])
        print(f"| {method} | {' | '.join(cells)} | {at} | {beside} |")
    shown = {key: image for key, image in images.items() if "as it is" not in key} | {"clean": clean}
    limits = np.array([np.percentile(channel, (1, HIGH)) for channel in clean])
    rows = {"channel 0": 0, "channel 1": 1}
    sheet(shown, rows, out / "hot_pixel.png", limits=limits)
    near = slice(max(0, y - 40), y + 40), slice(max(0, x - 40), x + 40)
    sheet({key: image[:, *near] for key, image in shown.items()}, rows, out / "hot_pixel_near.png", limits=limits)


def centre(confocal: Array) -> tuple[int, int]:
    """Row and column of the nucleus's centre of mass in the planes (Z, Y, X)."""
    light = confocal.mean(axis=0)
    y, x = ndimage.center_of_mass(light - np.median(light))
    return round(float(y)), round(float(x))


def halves(column: int) -> tuple[slice, slice]:
    """Columns to train on, right of the nucleus's centre where there is more room, and to test on, left of it."""
    return slice(column + GAP // 2, column + GAP // 2 + PATCH), slice(0, column - GAP // 2)


def by_real_pairs(confocal: Array, widefield: Array, half: slice, out: Path, *, seed: int) -> tuple[Trained, Match]:
    """Restorers trained on the columns `half` of the planes."""
    match = Match.of(widefield[:, :, half], confocal[:, :, half])
    print(f"widefield to the scale of the confocal channel: times {match.gain:.3f}, plus {match.offset:.1f}")
    arrays = out / "arrays"
    arrays.mkdir(parents=True, exist_ok=True)
    np.save(arrays / "degraded.npy", match.there(widefield[:, :, half]))
    np.save(arrays / "clean.npy", confocal[:, :, half].astype(np.float32))
    section = config.PairArrays.model_validate(
        {
            "reader": "pairs",
            "pairs": {"widefield": {"degraded": arrays / "degraded.npy", "clean": arrays / "clean.npy"}},
            "channels": ["dna"],
            # all planes are of one nucleus; what is scored is the other half of it
            "split": {"by": "stack", "train": 0.9, "val": 0.0, "near_duplicates": "warn"},
        }
    )
    pairs = {"n_pairs": "all", "augmentation": "flips"}
    return train(section, pairs, PAIRED, out / "widefield", seed=seed), match


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "real_pairs")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    data, out, seed = chosen.data, chosen.out, chosen.seed
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    confocal, widefield = read(data / STACK)
    planes = in_focus(confocal)
    shift = misalignment(confocal, widefield, planes)
    clean, given = overlap(confocal, widefield, shift, planes)
    span = [float(np.ptp(np.percentile(clean, (LOW, HIGH))))] * len(planes)

    trained = nuclei(data, out / "nuclei", ["blur", "hot_pixels"], STRANGERS, seed=seed)
    alone = nuclei(data, out / "nuclei_blur", ["blur"], ALONE, seed=seed)
    own_test(trained)
    own_test(alone)
    found = stack_by_strangers(trained, widefield, out) | stack_by_strangers(alone, widefield, out, ", blur alone")
    images = {"input": given, "input, as stored": overlap(widefield, confocal, shift, planes)[0]}
    images |= {method: overlap(confocal, stack, shift, planes)[1] for method, stack in found.items()}
    print(f"\n### Confocal and widefield: no real pairs; {len(planes)} planes of {clean.shape[1]} x {clean.shape[2]}\n")
    print(table(scored(images, clean, list(planes), span), COLUMNS))
    y, x = centre(clean)
    at = {f"z {planes[i]}": i for i in (1, len(planes) // 3, len(planes) // 2, len(planes) - 3)}
    shown = {key: stack for key, stack in images.items() if "as " not in key} | {"confocal": clean}
    sheet({key: stack[:, y - 32 : y + 32, x - 36 : x + 36] for key, stack in shown.items()}, at, out / "widefield.png")
    hot_pixel(trained, data, out)

    right, left = halves(x)
    print(f"\nreal pairs: trained on columns {right.start} to {right.stop - 1}, tested on 0 to {left.stop - 1}")
    paired, match = by_real_pairs(clean, given, right, out, seed=seed)
    own_test(paired)
    there = {"input": given[:, :, left]}
    there |= {f"{key}, no real pairs": images[key][:, :, left] for key in (*STRANGERS, "care, blur alone")}
    restored = applied(paired, given[None, :, :, left], "widefield", [match], out / "left")
    there |= {f"{key}, real pairs": stack[0] for key, stack in restored.items()}
    print(f"\n### Confocal and widefield: real pairs; the left half, {len(planes)} planes\n")
    print(table(scored(there, clean[:, :, left], list(planes), span), COLUMNS))
    shown = {"input": given, **there, "confocal": clean}
    sheet({key: stack[:, y - 32 : y + 32, left][:, :, -40:] for key, stack in shown.items()}, at, out / "left_half.png")
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = f"{time.monotonic() - started:.0f} s, of one thread {used.ru_utime + used.ru_stime:.0f} s"
    print(f"\nmachine: {machine()}; {seconds}")
    print(f"contact sheets: {out}")


if __name__ == "__main__":
    main()
