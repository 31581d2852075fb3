"""What are synthetic pairs worth? The default screen restored from real pairs alone, and with CIN-GAN's beside them.

    python benchmarks/augmentation.py [--alphas 1 0.8 0.5] [--seeds 0 1 2]

Prints the gain over the input (PSNR in dB and SSIM, rule `fixed`, test fields) as mean and range over seeds.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

import pandas as pd

from multiscope import config
from multiscope.augment.stage import run_generator, run_pairs
from multiscope.data.stage import run as make_data
from multiscope.restore.stage import run as restore

ROOT = Path(__file__).parent.parent


def gains(run: Path) -> pd.Series:
    """Mean gain over the input by (metric, defect)."""
    scores = pd.read_parquet(run / "scores.parquet").query("rule == 'fixed'")
    mean = scores.groupby(["metric", "defect", "method"])["value"].mean().unstack()
    return mean["cgan"] - mean["input"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alphas", type=float, nargs="+", default=[1.0, 0.8, 0.5])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()
    shipped = config.load(ROOT / "config.yaml")
    assert shipped.augment and shipped.restore
    found: dict[tuple[float, int], pd.Series] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_data(out=place / "data", dataset="screen", config=shipped.data[shipped.augment.data])
        for seed in chosen.seeds:
            generator = place / f"generator{seed}"
            state = place / "state"
            run_generator(data=place / "data", out=generator, state=state, config=shipped.augment, seed=seed, threads=2)
            for alpha in chosen.alphas:
                pairs = shipped.augment.pairs.model_copy(update={"alpha": alpha})
                augment = shipped.augment.model_copy(update={"pairs": pairs})
                mixed, out = place / f"pairs{seed}_{alpha}", place / f"restore{seed}_{alpha}"
                run_pairs(data=place / "data", generator=generator, out=mixed, config=augment, seed=seed, threads=2)
                restore(
                    data=place / "data", pairs=mixed, out=out, state=state, config=shipped.restore, seed=seed, threads=2
                )
                found[alpha, seed] = gains(out)
    table = pd.DataFrame(found).T.rename_axis(["alpha", "seed"])
    print(f"machine: {platform.machine()}, {platform.processor() or 'CPU'}, 2 threads; data: the shipped config.yaml")
    print(f"n_pairs {shipped.augment.pairs.n_pairs}, {shipped.restore.cgan.steps} steps, seeds {chosen.seeds}")
    for (metric, defect), values in table.items():
        cells = []
        for alpha, of_alpha in values.groupby(level="alpha", sort=False):
            cells.append(f"alpha {alpha:g}: {of_alpha.mean():+.3f} ({of_alpha.min():+.3f} to {of_alpha.max():+.3f})")
        print(f"{metric} {defect:6s} " + "   ".join(cells))


if __name__ == "__main__":
    main()
