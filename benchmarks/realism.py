"""How near simulated yeast crops are to real ones: distributions, a classifier that tells them apart, contact sheets.

    python -m benchmarks.realism ../shared/data --out /tmp/realism

DATA holds `yeast_gfp/images.zip` (1,220 cells) and `yeast_cyclenet_fields/example.zip` (4 fields). Real and simulated
crops go the same way: each channel of a field scaled to 0..1 by its minimum and maximum, rounded to 1/430, the cell in
the middle found in the marker by one function (real crops have no masks), and dropped if it is cut by the border.
Cross-validation leaves out whole fields: those of a test fold were never seen. AUC: 0.5 cannot be told apart, 1 always.
The control is the same among real fields: any half of them against the other half.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.stats import ks_2samp
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.summary import machine
from benchmarks.yeast_crops import CAMERA, PROTEINS, SETTINGS, SIDE, Array, Crops, cyclenet, prepared, real, simulated
from multiscope.features.classic import classic_features

CHANNELS = ("protein", "cytosol")
BLANK = "cytoplasm"
"""The fields of yeast_cyclenet_fields are of a blank well: their GFP channel is the cells' own light."""
OUT = Path(tempfile.gettempdir()) / "realism"
"""Outside of the repository: the sheets show images that may not be given away with it."""
HALVINGS, FOLDS = 4, 5
BRIGHTNESS = "Intensity_|Background_(?:level|noise)"
"""What depends on the brightest pixel of a field, which in real ones is often debris."""
SHOWN = [
    "Shape_area",
    "Shape_eccentricity",
    "Shape_solidity",
    "Background_level_*",
    "Background_noise_*",
    "Background_correlation_*",
    "Background_snr_*",
    "Intensity_mean_*",
    "Intensity_displacement_*",
    "Granularity_1_*",
    "Granularity_2_*",
    "Granularity_4_*",
    "Granularity_8_*",
    "Radial_mean_1_*",
    "Radial_mean_4_*",
    "Radial_cv_2_*",
    "Texture_contrast_1_*",
    "Texture_correlation_3_*",
    "Texture_entropy_5_*",
    "Spots_number_*",
    "Spots_size_*",
    "Spots_height_*",
    "Moments_distance_*",
    "Correlation_protein_cytosol",
]


def measured(crops: Crops) -> pd.DataFrame:
    """Classic features and, of each channel, what the background tells of the camera."""
    table = classic_features(crops.images, crops.masks, CHANNELS)
    for at, channel in enumerate(CHANNELS):
        rows = [background(image[at]) for image in crops.images]
        found = pd.DataFrame(rows, columns=["level", "noise", "correlation"])
        found["snr"] = table[f"Intensity_mean_{channel}"] / found["noise"]
        table = table.join(found.add_prefix("Background_").add_suffix(f"_{channel}"))
    return table


def background(plane: Array) -> tuple[float, float, float]:
    """Level, noise and its correlation of horizontal neighbours, in the darkest quarter of a plane after smoothing."""
    smooth = ndimage.gaussian_filter(plane.astype(np.float64), 2)
    dark = smooth <= np.percentile(smooth, 25)
    noise = plane - smooth
    pairs = dark[:, 1:] & dark[:, :-1]
    variance = max(float(noise[dark].var()), 1e-12)
    return float(plane[dark].mean()), variance**0.5, float((noise[:, 1:] * noise[:, :-1])[pairs].mean() / variance)


def spectra(images: Array) -> Array:
    """Logarithm of the power at 1 to 32 periods a crop over all power, (n, 2 x 32)."""
    window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    power = np.abs(np.fft.fft2((images - images.mean(axis=(2, 3), keepdims=True)) * window)) ** 2
    radius = np.rint(np.hypot(*np.meshgrid(*[np.fft.fftfreq(SIDE, 1 / SIDE)] * 2))).astype(int)
    rings = np.stack([power[..., radius == k].mean(axis=-1) for k in range(1, SIDE // 2 + 1)], axis=-1)
    return np.asarray(np.log(rings / rings.sum(axis=-1, keepdims=True) + 1e-12).reshape(len(images), -1))


def separability(x: Array, y: Array, fields: Array, model: str) -> list[float]:
    """AUC of each fold; folds are of whole fields of both classes."""
    folds = min(FOLDS, *(len(np.unique(fields[y == k])) for k in (0, 1)))
    scores = []
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(x, y, fields):
        if model == "forest":
            fitted = RandomForestClassifier(200, class_weight="balanced", n_jobs=2, random_state=0)
        else:
            fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=500))
        fitted.fit(x[train], y[train])
        scores.append(float(roc_auc_score(y[test], fitted.predict_proba(x[test])[:, 1])))
    return scores


def halves(fields: Array) -> Iterator[Array]:
    """Ways of parting fields in two halves, as labels of the cells."""
    names = np.unique(fields)
    for seed in range(HALVINGS):
        yield np.isin(fields, np.random.default_rng(seed).permutation(names)[: len(names) // 2]).astype(int)


def print_auc(tables: dict[str, pd.DataFrame], crops: dict[str, Crops], compartment: str) -> None:
    """One line a set of features and model: simulated against real, and real against real."""
    both = pd.concat(tables.values(), ignore_index=True)
    y = np.repeat([0, 1], [len(crops["real"]), len(crops["simulated"])])
    fields = np.concatenate([crops["real"].fields, crops["simulated"].fields])
    classic = both.loc[:, ~both.columns.str.contains("Background_")]
    sets = {
        ("classic features", "forest"): classic.to_numpy(),
        ("classic features", "logistic"): classic.to_numpy(),
        ("classic without brightness", "forest"): classic.loc[:, ~classic.columns.str.contains(BRIGHTNESS)].to_numpy(),
        ("power spectrum", "forest"): np.concatenate([spectra(crops[name].images) for name in tables]),
    }
    for (name, model), x in sets.items():
        folds = separability(x, y, fields, model)
        own, real_fields = x[y == 0], fields[y == 0]
        control = [np.mean(separability(own, half, real_fields, model)) for half in halves(real_fields)]
        print(
            f"| {compartment} | {name}, {model} | {np.mean(folds):.3f} ± {np.std(folds):.3f} | {np.mean(control):.3f}"
            f" ({min(control):.3f} to {max(control):.3f}) |"
        )


def print_distributions(tables: dict[str, pd.DataFrame]) -> None:
    """5, 50 and 95 percentile of every table, and the distance of Kolmogorov and Smirnov of the first two."""
    names = [s.replace("*", c) for s in SHOWN for c in (CHANNELS if "*" in s else ("",))]
    print(f"| feature | {' | '.join(tables)} | KS |\n|---|{'---|' * (len(tables) + 1)}")
    for name in names:
        columns = [table[name] for table in tables.values()]
        cells = [" / ".join(f"{v:.3g}" for v in np.percentile(column, (5, 50, 95))) for column in columns]
        print(f"| {name} | {' | '.join(cells)} | {ks_2samp(columns[0], columns[1]).statistic:.2f} |")


def print_best(tables: dict[str, pd.DataFrame], left_out: str) -> None:
    """The ten features that tell real from simulated best, each alone, of those whose name lacks `left_out`."""
    y = np.repeat([0, 1], [len(table) for table in tables.values()])
    both = pd.concat(tables.values(), ignore_index=True)
    both = both.loc[:, ~both.columns.str.contains(left_out)]
    aucs = {name: roc_auc_score(y, both[name]) for name in both}
    print("| feature | AUC alone | median real | median simulated |\n|---|---|---|---|")
    for name in sorted(aucs, key=lambda name: -abs(aucs[name] - 0.5))[:10]:
        medians = [f"{table[name].median():.3g}" for table in tables.values()]
        print(f"| {name} | {max(aucs[name], 1 - aucs[name]):.3f} | {' | '.join(medians)} |")


def sheet(crops: dict[str, Crops], path: Path, columns: int = 16, zoom: int = 2) -> None:
    """Rows of real and simulated crops, both channels; each crop from its 0.5 to its 99.8 percentile."""
    left, side = 150, SIDE * zoom
    picks = {name: np.random.default_rng(1).choice(len(c), 2 * columns, replace=False) for name, c in crops.items()}
    rows = [(name, half, channel) for half in range(2) for name in crops for channel in range(2)]
    canvas = Image.new("L", (left + columns * side, len(rows) * side))
    pen = ImageDraw.Draw(canvas)
    for row, (name, half, channel) in enumerate(rows):
        pen.text((6, row * side + side // 2), f"{name}\n{CHANNELS[channel]}", fill=255)
        for column, pick in enumerate(picks[name][half * columns :][:columns]):
            plane = crops[name].images[pick, channel]
            low, high = np.percentile(plane, (0.5, 99.8))
            shown = np.clip((plane - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
            canvas.paste(Image.fromarray(shown).resize((side, side), 0), (left + column * side, row * side))
    canvas.save(path)


def main() -> None:
    """Print tables, write sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of yeast_gfp and yeast_cyclenet_fields")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the contact sheets")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated cells")
    given, started = parser.parse_args(), time.perf_counter()
    given.out.mkdir(parents=True, exist_ok=True)
    pairs: dict[str, tuple[dict[str, Crops], dict[str, pd.DataFrame]]] = {}
    for compartment in PROTEINS:
        images, fields = real(given.data, compartment)
        made = simulated(len(images), compartment, given.seed)
        crops = {"real": prepared(images, fields), "simulated": prepared(*made)}
        pairs[compartment] = crops, {name: measured(some) for name, some in crops.items()}
        sheet(crops, given.out / f"{compartment}.png")
    other = {"yeast_cyclenet_fields": measured(cyclenet(given.data))}
    print(f"{machine()}; real: yeast_gfp; seed {given.seed}; settings {SETTINGS | {'camera': CAMERA}}\n")
    for compartment, (crops, tables) in pairs.items():
        sizes = ", ".join(f"{len(c)} {k} of {len(np.unique(c.fields))} fields" for k, c in crops.items())
        print(f"## {compartment}: {sizes}\n\nPercentiles 5 / 50 / 95; brightness in units of the field's range.\n")
        print_distributions(tables | (other if compartment == BLANK else {}))
        for title, left_out in (("", "nothing"), (" without brightness", BRIGHTNESS)):
            print(f"\nBest single features{title}\n")
            print_best(tables, left_out)
        print()
    print(
        "## Telling real from simulated\n\nAUC: mean ± standard deviation over folds of fields; control: mean (least to"
    )
    print(f"most) over {HALVINGS} ways of halving the real fields.\n")
    print("| compartment | features, model | simulated against real | real against real |\n|---|---|---|---|")
    for compartment, (crops, tables) in pairs.items():
        print_auc(tables, crops, compartment)
    print(f"\n{time.perf_counter() - started:.0f} s; sheets in {given.out}")


if __name__ == "__main__":
    main()
