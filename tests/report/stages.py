"""Small stage folders, fabricated through the stores: what the report reads, without training anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multiscope.folders.manifest import stage_output
from multiscope.stores.fields import write_field
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.tables import write_anndata, write_profiles_parquet

COMPARTMENTS = ("cytoplasm", "mitochondrion", "nucleus", "vacuole")
NOISE = {"noise": 300.0, "axial": 120.0, "blur": 60.0}
SOURCES = ("clean", "degraded", "restored:cgan")
SIZE = 48


@dataclass
class Tree:
    """Stage folders below `root`, made on request."""

    root: Path
    made: dict[str, Any] = field(default_factory=dict)

    def data(
        self,
        name: str = "screen",
        *,
        channels: Sequence[str] = ("protein", "cytosol"),
        defects: Sequence[str] = ("noise", "axial", "blur"),
        n_fields: int = 12,
        generated: bool = True,
        reader: str = "",
        pixel_size_um: float | None = 0.16,
        proteins: Sequence[str] = ("YAL001C", "YBR002W", "YCL003C", "YDR004W"),
    ) -> Path:
        out = self.root / "data" / name
        reader = reader or ("virtual_screen" if generated else "fields")
        size = PixelSize(y=pixel_size_um, x=pixel_size_um)
        rng = np.random.default_rng(1)
        with stage_output(out, stage="data", version=1, config={"reader": reader}, inputs={}, seed=0) as run:
            rows = []
            for i in range(n_fields):
                field_id = f"field_{i:02d}"
                split = "test" if i % 2 else ("train" if i % 4 else "val")
                clean = self._clean(rng, len(channels))
                write_field(run.path / "clean.zarr" / field_id, clean, channels=channels, pixel_size=size)
                for defect in defects:
                    noisy = clean + rng.normal(0, NOISE[defect], clean.shape)
                    image = np.clip(noisy, 0, 65535).astype(np.uint16)
                    path = run.path / "degraded.zarr" / defect / field_id
                    write_field(path, image, channels=channels, pixel_size=size)
                protein = proteins[i % len(proteins)] if proteins else ""
                rows.append((field_id, field_id, protein, split, defects[0] if defects else "", 1, SIZE, SIZE))
            columns = ["field_id", "path", "protein", "split", "defect", "depth", "height", "width"]
            pd.DataFrame(rows, columns=columns).to_parquet(run.path / "fields.parquet")
            run.count("fields", n_fields, {"unreadable": 0})
            run.count("cells", 140, {"touches the edge": 13})
            run.note("dataset", name)
            run.note("pixel_size_um", pixel_size_um)
        return out

    @staticmethod
    def _clean(rng: np.random.Generator, channels: int) -> np.ndarray:
        yy, xx = np.mgrid[:SIZE, :SIZE]
        image = np.full((channels, SIZE, SIZE), 200.0)
        for _ in range(6):
            y, x = rng.uniform(4, SIZE - 4, 2)
            image += rng.uniform(400, 1500) * np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 18)
        return image.astype(np.uint16)

    def restored(self, data: Path, seed: int = 0, *, noise: float = 0.4, defects: Sequence[str] = tuple(NOISE)) -> Path:
        out = self.root / "restore" / "cgan" / f"seed{seed}"
        table = pd.read_parquet(data / "fields.parquet")
        rng = np.random.default_rng(seed)
        with stage_output(out, stage="restore", version=1, config={}, inputs={"data": data}, seed=seed) as run:
            from multiscope.stores.fields import channel_names, read_field

            for defect in defects:
                for field_id in table.loc[table["split"] == "test", "field_id"]:
                    path = data / "clean.zarr" / field_id
                    clean = read_field(path)
                    image = (clean + rng.normal(0, noise * NOISE[defect], clean.shape)).astype(np.float32)
                    target = run.path / "restored.zarr" / defect / field_id
                    write_field(target, image, channels=channel_names(path), pixel_size=PixelSize(y=0.16, x=0.16))
            self.history(run.path, ["critic", "adversarial", "content", "pixel"], n=80)
            run.note("content_network", {"kind": "autoencoder trained on this run's patches", "steps": 200})
            run.note("method", "cgan")
        return out

    @staticmethod
    def history(folder: Path, losses: Sequence[str], *, n: int, epochs: bool = False) -> None:
        rng = np.random.default_rng(2)
        rows = []
        for i in range(1, n + 1):
            for split in ("train", "val") if epochs else ("train",):
                row = {"step": 10 * i, "split": split} | ({"epoch": i} if epochs else {})
                rows.append(row | {loss: float(2 / i**0.5 + 0.1 * rng.random()) for loss in losses})
        (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def generator(self, data: Path, seed: int = 0) -> Path:
        out = self.root / "augment" / "cin_gan" / f"seed{seed}"
        with stage_output(out, stage="augment", version=1, config={}, inputs={"data": data}, seed=seed) as run:
            self.history(run.path, ["critic", "penalty", "content", "style", "adversarial"], n=40)
            run.note("content_network", {"kind": "autoencoder trained on this run's patches", "steps": 200})
        return out

    def restore_scores(
        self,
        *,
        gain: dict[str, float] | float = 3.0,
        seeds: Sequence[int] = (0,),
        n_images: int = 6,
        defects: Sequence[str] = tuple(NOISE),
        name: str = "scores.parquet",
    ) -> Path:
        rng = np.random.default_rng(3)
        rows = []
        for defect in defects:
            by = gain[defect] if isinstance(gain, dict) else gain
            for image in range(n_images):
                for rule, shift in (("fixed", 0.0), ("affine", 0.5), ("published", -4.0)):
                    psnr, ssim = 24 + shift + rng.normal(0, 1), 0.7 + rng.normal(0, 0.02)
                    for seed in seeds:
                        for method in ("input", "cgan"):
                            moved = by + rng.normal(0, 0.2) if method == "cgan" else 0.0
                            for metric, value in (("psnr", psnr + moved), ("ssim", ssim + moved / 50)):
                                how = ("screen", defect, method, "paired", 10, "cin_gan", seed)
                                rows.append((*how, f"field_{image:02d}/protein", metric, rule, value))
        columns = ["dataset", "defect", "method", "setting", "n_pairs", "augmentation", "seed", "image_id", "metric",
                   "rule", "value"]  # fmt: skip
        path = self.root / "restore" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows, columns=columns).to_parquet(path)
        return path

    def localized(
        self, seed: int = 0, *, encoder: str = "deeploc", right: float = 0.85, n_cells: int = 240,
        classes: Sequence[str] = COMPARTMENTS, predicts: bool = True,
    ) -> Path:  # fmt: skip
        out = self.root / "localize" / encoder / f"seed{seed}"
        rng = np.random.default_rng(seed)
        with stage_output(out, stage="localize", version=1, config={}, inputs={}, seed=seed) as run:
            self.history(run.path, ["loss", "accuracy"] if predicts else ["reconstruction"], n=12, epochs=True)
            if predicts:
                truth = np.asarray(classes)[np.arange(n_cells) % len(classes)]
                guess = rng.choice(np.asarray(classes), n_cells)
                predicted = np.where(rng.random(n_cells) < right, truth, guess)
                pd.DataFrame(
                    {
                        "cell_id": [f"cell_{i}" for i in range(n_cells)],
                        "protein": "YAL001C",
                        "field_id": [f"field_{i % 24:02d}" for i in range(n_cells)],
                        "split": np.where(np.arange(n_cells) % 24 < 12, "test", "train"),
                        "truth": truth,
                        "predicted": predicted,
                        "probability": 0.5,
                    }
                ).to_parquet(run.path / "predictions.parquet")
            run.count("training cells", n_cells // 2)
            run.note("encoder", encoder)
        return out

    def embedding(
        self, seed: int = 0, *, encoder: str = "deeploc", n_proteins: int = 24, sources: Sequence[str] = SOURCES,
        symbols: Sequence[str] = (),
    ) -> Path:  # fmt: skip
        out = self.root / "embed" / encoder / f"seed{seed}"
        rng = np.random.default_rng([seed, len(encoder)])
        centres = rng.normal(0, 3, (len(COMPARTMENTS), 8))
        blur = {"clean": 0.7, "degraded": 2.5}
        rows, vectors = [], []
        for source in sources:
            for i in range(n_proteins):
                symbol = symbols[i] if i < len(symbols) else f"ABC{i}"
                rows.append((f"Y{i:03d}", symbol, COMPARTMENTS[i % 4], source, 20, 1.0))
                vectors.append(centres[i % 4] + rng.normal(0, blur.get(source, 1.4), 8))
        x = np.asarray(vectors, dtype=np.float32)
        obs = pd.DataFrame(rows, columns=["Protein", "Symbol", "Localization", "Source", "n_cells", "dispersion"])
        n_cells = 5
        cells = pd.DataFrame(
            {
                "cell_id": [f"{row.Protein}_{k}" for row in obs.itertuples() for k in range(n_cells)],
                "protein": np.repeat(obs["Protein"], n_cells).to_numpy(),
                "symbol": np.repeat(obs["Symbol"], n_cells).to_numpy(),
                "localization": np.repeat(obs["Localization"], n_cells).to_numpy(),
                "field_id": "field_01",
                "split": "test",
                "source": np.repeat(obs["Source"], n_cells).to_numpy(),
            }
        )
        with stage_output(out, stage="embed", version=1, config={}, inputs={}, seed=seed) as run:
            write_profiles_parquet(run.path / "proteins.parquet", x, obs)
            noise = rng.normal(0, 0.5, (len(cells), 8))
            index = (cells["source"] + "/" + cells["cell_id"]).to_numpy()
            write_anndata(
                run.path / "cells.zarr", np.repeat(x, n_cells, axis=0) + noise, cells.set_axis(index, axis=0), {}
            )
            run.count("profiles", len(obs))
            run.note("encoder", encoder)
        return out

    def evaluated(
        self,
        *,
        encoders: Sequence[str] = ("deeploc", "autoencoder"),
        seeds: Sequence[int] = (0,),
        values: dict[str, float] | None = None,
        half: float = 0.08,
        sources: Sequence[str] = SOURCES,
        scales: Sequence[str] = ("compartment", "process", "complex"),
    ) -> Path:
        values = values or {"clean": 0.7, "degraded": 0.35, "restored:cgan": 0.55}
        out = self.root / "evaluate"
        rows, retrieval = [], []
        for encoder_at, encoder in enumerate(encoders):
            for seed in seeds:
                for source in sources:
                    run_of = (source, encoder, "d2", 12, seed)
                    for i, scale in enumerate(scales):
                        chance = 0.22 / (i + 1)
                        value = chance + (values[source] - 0.22) * 0.8 ** (i + encoder_at) + 0.01 * seed
                        rows.append(
                            (
                                *run_of,
                                f"screen_{scale}",
                                scale,
                                "ap",
                                value,
                                value - half,
                                value + half,
                                chance,
                                24,
                                6,
                                40,
                            )
                        )
                    retrieval.append((*run_of, "map", 0.3, 0.25, 0.35, 0.04, 24, 120, 240))
        run_columns = ["source", "encoder", "layer", "epoch", "seed"]
        values_columns = ["metric", "value", "ci_low", "ci_high", "chance", "n_proteins"]
        score_columns = [*run_columns, "standard", "scale", *values_columns, "n_terms", "n_positive_pairs"]
        retrieval_columns = [*run_columns, *values_columns, "n_query_cells", "n_reference_cells"]
        with stage_output(out, stage="evaluate", version=1, config={}, inputs={}) as run:
            pd.DataFrame(rows, columns=score_columns).to_parquet(run.path / "scores.parquet")
            pd.DataFrame(retrieval, columns=retrieval_columns).to_parquet(run.path / "retrieval.parquet")
            described = {"scale": "complex", "organism": "generated", "release": "1", "licence": "CC0-1.0"}
            run.note("standards", {"screen_complex": described})
        return out

    def benchmarks(self) -> Path:
        folder = self.root / "benchmarks"
        head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        for rule, seconds, memory in (("data", "12.5", "310.2"), ("restore", "83.1", "900.0"), ("crop", "0.4", "-")):
            for seed in (0, 1):
                path = folder / rule / f"seed{seed}.tsv"
                path.parent.mkdir(parents=True, exist_ok=True)
                numbers = [seconds, "0:00:01", memory, *["NA" if memory == "-" else "1.0"] * 7]
                path.write_text(head + "\t".join(numbers) + "\n")
        return folder

    def everything(self, *, seeds: Sequence[int] = (0, 1)) -> dict[str, Any]:
        """Arguments of `run` with every input, beside `out` and the configurations."""
        data = self.data()
        return {
            "data": [data],
            "generators": [self.generator(data, seed) for seed in seeds],
            "restored": [self.restored(data, seed) for seed in seeds],
            "restore_scores": self.restore_scores(seeds=seeds),
            "localized": [
                *(self.localized(seed) for seed in seeds),
                *(self.localized(seed, encoder="autoencoder", predicts=False) for seed in seeds),
            ],
            "embeddings": [self.embedding(s, encoder=e) for e in ("deeploc", "autoencoder") for s in seeds],
            "evaluated": self.evaluated(seeds=seeds),
            "benchmarks": self.benchmarks(),
        }
