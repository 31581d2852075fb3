"""Small stage folders, fabricated through the stores: what the report reads, without training anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from multiscope import config
from multiscope.folders.manifest import stage_output
from multiscope.nn.cards import save_network
from multiscope.nn.deeploc import DeepLoc
from multiscope.report.restoration import SCORE_COLUMNS
from multiscope.stores.fields import channel_names, read_field, write_field
from multiscope.stores.pixel_size import PixelSize
from multiscope.stores.samples import write_samples
from multiscope.stores.tables import write_anndata, write_profiles_parquet
from multiscope.trust.stage import COLUMNS as TRUST_COLUMNS
from tests.report import evaluations

COMPARTMENTS = ("cytoplasm", "mitochondrion", "nucleus", "vacuole")
NOISE = {"noise": 300.0, "axial": 120.0, "blur": 60.0}
SOURCES = ("clean", "degraded", "restored:cgan")
METHODS = {"cgan": 0.0, "care": -1.0}
"""Methods of a whole run, and by how much (dB) their gains differ."""
SWEEP = config.Sweep(methods=["cgan", "care", "cyclegan"], n_pairs=[1, 10, 40], unpaired=[20])
SIZE = 48
STANDARDS = {
    "compartment": "".join(
        f"{c}\t\t" + "\t".join(f"Y{i:03d}" for i in range(k, 24, 4)) + "\n" for k, c in enumerate(COMPARTMENTS)
    ),
    "complex": "C1\t\tY000\tY004\tY008\tY012\tY016\nC2\t\tY001\tY002\n",
}
"""Of the proteins of `Tree.embedding`: four compartments, a complex within one, and one of two proteins."""


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
        standards: dict[str, str] | None = None,
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
            (run.path / "standards").mkdir()
            for scale, text in (standards or {}).items():
                (run.path / "standards" / f"{scale}.gmt").write_text(text)
                sidecar = {"scale": scale, "sha256": hashlib.sha256(text.encode()).hexdigest()}
                (run.path / "standards" / f"{scale}.yaml").write_text(json.dumps(sidecar))
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

    def restored(
        self,
        data: Path,
        seed: int = 0,
        *,
        method: str = "cgan",
        noise: float = 0.4,
        defects: Sequence[str] = tuple(NOISE),
        scores: pd.DataFrame | None = None,
    ) -> Path:
        out = self.root / "restore" / method / f"seed{seed}"
        table = pd.read_parquet(data / "fields.parquet")
        rng = np.random.default_rng([seed, len(method)])
        with stage_output(out, stage="restore", version=1, config={}, inputs={"data": data}, seed=seed) as run:
            for defect in defects:
                for field_id in table.loc[table["split"] == "test", "field_id"]:
                    path = data / "clean.zarr" / field_id
                    clean = read_field(path)
                    image = (clean + rng.normal(0, noise * NOISE[defect], clean.shape)).astype(np.float32)
                    target = run.path / "restored.zarr" / defect / field_id
                    write_field(target, image, channels=channel_names(path), pixel_size=PixelSize(y=0.16, x=0.16))
            self.history(run.path, ["critic", "adversarial", "content", "pixel"], n=80)
            if scores is not None:
                own = scores[scores["method"].isin(["input", method]) & scores["seed"].isin([0, seed])]
                own.to_parquet(run.path / "scores.parquet")
            run.note("content_network", {"kind": "autoencoder trained on this run's patches", "steps": 200})
            run.note("method", method)
        return out

    def trust(self, data: Path, restored: Sequence[Path], *, method: str = "cgan", feature: str = "") -> Path:
        """As the stage `trust` leaves it: two structures of ten lost, one invented; one field strange by `feature`."""
        out = self.root / "trust" / method
        rng = np.random.default_rng(5)
        table = pd.read_parquet(data / "fields.parquet")
        with stage_output(out, stage="trust", version=1, config={}, inputs={"data": data}) as run:
            rows = []
            for defect, noise in NOISE.items():
                for field_id in table.loc[table["split"] == "test", "field_id"]:
                    path = data / "clean.zarr" / field_id
                    if len(restored) > 1:
                        differs = np.abs(rng.normal(0, 0.3 * noise, read_field(path).shape)).astype(np.float32)
                        target = run.path / "disagreement.zarr" / defect / field_id
                        write_field(target, differs, channels=channel_names(path))
                    for channel in channel_names(path):
                        same = {"dataset": data.name, "defect": defect, "image_id": f"{field_id}/{channel}"}
                        seen = {"distance": 0.6, "strange": 0.1, "feature": "mean", "familiar": True}
                        if feature and field_id == "field_01":
                            seen = {"distance": 2.5, "strange": 0.9, "feature": feature, "familiar": False}
                        counts = {"n_clean": 10, "kept": 8.0, "lost": 2.0, "invented": 1.0}
                        worse = counts | {"kept": 5.0, "lost": 5.0, "invented": 3.0}
                        spread = 0.01 + 0.001 * rng.random() if len(restored) > 1 else np.nan
                        mine = {"n_seeds": len(restored), "error": 0.02, "disagreement": spread, "foretells": 0.5}
                        rows.append({**same, **seen, **counts, **mine, "method": method, "consistency": 1.1})
                        bare = {"n_seeds": 0, "error": 0.05, "disagreement": np.nan, "foretells": np.nan}
                        rows.append({**same, **seen, **worse, **bare, "method": "input", "consistency": 0.5})
            pd.DataFrame(rows)[TRUST_COLUMNS].to_parquet(run.path / "trust.parquet")
            run.note("method", method)
            run.note("dataset", data.name)
            few = {} if len(restored) > 1 else {"disagreement": "needs restorations of two seeds or more"}
            run.note("left_out", few)
        return out

    def pairs(self, data: Path, seed: int = 0, *, alpha: float = 0.5, defects: Sequence[str] = tuple(NOISE)) -> Path:
        out = self.root / "augment" / "pairs" / f"seed{seed}"
        rng = np.random.default_rng(seed)
        with stage_output(out, stage="pairs", version=1, config={}, inputs={"data": data}, seed=seed) as run:
            origins = ["real"] * 6 + (["cin_gan"] * 6 if alpha < 1 else [])
            table = pd.DataFrame([(defect, origin) for defect in defects for origin in origins])
            table.columns = pd.Index(["defect", "origin"])
            clean = rng.uniform(-1, 1, (len(table), 1, 16, 16)).astype(np.float32)
            degraded = clean + rng.normal(0, 0.2, clean.shape).astype(np.float32)
            write_samples(run.path / "pairs.zarr", {"degraded": degraded, "clean": clean}, table)
            if alpha < 1:
                kinds = {"cin_gan": (0.02, 0.9, 0.05), "clean": (0.4, 1.3, 0.0), "real": (0.001, 1.0, 0.05)}
                rows = [
                    {"defect": defect, "what": what, "kid": kid, "ci_low": kid - 0.01, "ci_high": kid + 0.01, "n": 6}
                    | {"nearest": nearest, "copies": copies}
                    for defect in defects
                    for what, (kid, nearest, copies) in kinds.items()
                ]
                pd.DataFrame(rows).to_parquet(run.path / "synthetic.parquet")
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

    def scores(
        self,
        *,
        gain: dict[str, float] | float = 3.0,
        seeds: Sequence[int] = (0,),
        n_images: int = 6,
        defects: Sequence[str] = tuple(NOISE),
        methods: dict[str, float] | None = None,
        training: dict[str, Any] | None = None,
        noise: float = 0.2,
    ) -> pd.DataFrame:
        """Scores of `methods`, each with its own gain beside `gain`, all trained as `training` says."""
        methods = methods if methods is not None else {"cgan": 0.0}
        ways = {"setting": "paired", "n_pairs": 10, "augmentation": "cin_gan", "n_synthetic": 10}
        ways |= {"trained_on": "together"} | (training or {})
        nothing = {"setting": "", "n_pairs": 0, "augmentation": "", "n_synthetic": 0, "trained_on": "", "seed": 0}
        rows: list[dict[str, Any]] = []
        for defect in defects:
            by = gain[defect] if isinstance(gain, dict) else gain
            for image in range(n_images):
                same = {"dataset": "screen", "defect": defect, "image_id": f"field_{2 * image + 1:02d}/protein"}
                # the input is the same whatever the methods are
                rng = np.random.default_rng([list(NOISE).index(defect), image])
                psnr, ssim = 24 + rng.normal(0, 1), 0.7 + rng.normal(0, 0.02)
                rows += self._image_scores({**same, **nothing, "method": "input"}, psnr, ssim, 0.0)
                for method, more in methods.items():
                    for seed in seeds:
                        moved = by + more + rng.normal(0, noise)
                        rows += self._image_scores({**same, **ways, "method": method, "seed": seed}, psnr, ssim, moved)
        return pd.DataFrame(rows)[SCORE_COLUMNS]

    @staticmethod
    def _image_scores(image: dict[str, Any], psnr: float, ssim: float, moved: float) -> list[dict[str, Any]]:
        found = [("spectral_error", "fixed", 0.3 - moved / 50), ("frc", "fixed", 0.6 + moved / 50)]
        for rule, shift in (("fixed", 0.0), ("affine", 0.5), ("published", -4.0)):
            found += [("psnr", rule, psnr + shift + moved), ("ssim", rule, ssim + moved / 50)]
            found += [("nrmse", rule, 0.2 - moved / 100)]
        return [{**image, "metric": metric, "rule": rule, "value": value} for metric, rule, value in found]

    def restore_scores(self, *, name: str = "scores.parquet", **options: Any) -> Path:
        """The table that `restore-scores` writes."""
        return self.write_scores(self.scores(**options), name=name)

    def write_scores(self, scores: pd.DataFrame, *, name: str = "scores.parquet") -> Path:
        path = self.root / "restore" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scores.to_parquet(path)
        return path

    def swept(self, *, methods: dict[str, float], seeds: Sequence[int] = (0, 1), n_images: int = 4) -> pd.DataFrame:
        """Scores of a sweep over 1, 10 and 40 pairs, with flips and with CIN-GAN at alpha 0.5, and without pairs."""
        parts = []
        for n_pairs in (1, 10, 40):
            for augmentation, extra in (("flips", 0.0), ("cin_gan", 0.6 / n_pairs**0.5)):
                made = n_pairs if augmentation == "cin_gan" else 0
                training = {"n_pairs": n_pairs, "augmentation": augmentation, "n_synthetic": made}
                parts.append((training, 0.8 * np.log10(n_pairs) + extra))
        parts.append(({"setting": "unpaired", "n_pairs": 0, "augmentation": "cin_gan", "n_synthetic": 20}, -0.5))
        tables = [
            self.scores(gain=gain, training=training, methods=methods, seeds=seeds, n_images=n_images)
            for training, gain in parts
        ]
        strangers = {"setting": "unpaired", "n_pairs": 0, "augmentation": "flips", "n_synthetic": 0}
        tables.append(self.scores(gain=-1.0, training=strangers, methods={"cyclegan": 0.0}, n_images=n_images))
        return self.unlike(tables)

    @staticmethod
    def unlike(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """As `restore-scores` gathers them: what stands twice is kept once."""
        return pd.concat(tables, ignore_index=True).drop_duplicates(SCORE_COLUMNS[:-1], ignore_index=True)

    def localized(
        self, seed: int = 0, *, encoder: str = "deeploc", right: float = 0.85, n_cells: int = 240,
        classes: Sequence[str] = COMPARTMENTS, predicts: bool = True, crops: Path | None = None,
        several: bool = False, epoch: int = 12,
    ) -> Path:  # fmt: skip
        """Every 48th cell has no label. With `crops` (of as many cells) the network is a real one, not trained."""
        out = self.root / "localize" / encoder / f"seed{seed}"
        rng = np.random.default_rng(seed)
        inputs = {} if crops is None else {"crops": crops}
        with stage_output(out, stage="localize", version=1, config={}, inputs=inputs, seed=seed) as run:
            self.history(run.path, ["loss", "accuracy"] if predicts else ["reconstruction"], n=12, epochs=True)
            facts = {"classes": list(classes), "channels": ["protein", "cytosol"], "epoch": epoch}
            facts |= {"places": "several" if several else "single", "intensities": "standardize"}
            if crops is None:
                (run.path / "model.json").write_text(json.dumps(facts))
            else:
                torch.manual_seed(seed)
                arguments = {
                    "in_channels": 2,
                    "n_classes": len(classes),
                    "crop_size": SIZE + 16,
                    "width": 0.1,
                    "dense": 8,
                }
                save_network(run.path, DeepLoc(**arguments), "deeploc", arguments, facts)
            if predicts:
                said = self.predictions(rng, classes, n_cells, right=right, several=several)
                said.to_parquet(run.path / "predictions.parquet")
            run.count("training cells", n_cells // 2)
            run.note("encoder", encoder)
        return out

    @staticmethod
    def predictions(
        rng: np.random.Generator, classes: Sequence[str], n_cells: int, *, right: float, several: bool
    ) -> pd.DataFrame:
        """Half of the cells are test cells. With `several` every third one has its class and the next, unsorted."""
        number, names = np.arange(n_cells), np.asarray(classes)
        guess, hit = rng.integers(0, len(names), n_cells), rng.random(n_cells) < right
        logits = rng.normal(0, 1, (n_cells, len(names)))
        logits[number, np.where(hit, number, guess) % len(names)] += 4
        two = several & (number % 3 == 0)
        logits[two, (number[two] + 1) % len(names)] += 4
        p = 1 / (1 + np.exp(3 - logits)) if several else np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        truth = [
            f"{names[(i + 1) % len(names)]}|{names[i % len(names)]}" if two[i] else str(names[i % len(names)])
            for i in number
        ]
        predicted = names[p.argmax(axis=1)]
        if several:
            predicted = ["|".join(names[row >= 0.5]) or str(names[row.argmax()]) for row in p]
        return pd.DataFrame(
            {
                "cell_id": [f"cell_{i}" for i in number],
                "protein": [f"Y{i % 24:03d}" for i in number],
                "field_id": [f"field_{i % 24:02d}" for i in number],
                "split": np.where(number % 24 < 12, "test", "train"),
                "truth": np.where(number % 48 == 5, "", truth),
                "predicted": predicted,
                "probability": p.max(axis=1),
                **{f"p:{name}": p[:, k].astype(np.float32) for k, name in enumerate(names)},
            }
        )

    def crops(self, n_cells: int = 240, *, channels: Sequence[str] = ("protein", "cytosol")) -> Path:
        """Crops of 64 pixels; no data folder that they were cut from is given, so that no section shows them."""
        out = self.root / "crop" / "clean"
        rng = np.random.default_rng(3)
        proteins = [f"Y{i:03d}" for i in range(24)]
        with stage_output(out, stage="crop", version=1, config={}, inputs={}) as run:
            images = np.pad(
                np.stack([self._clean(rng, len(channels)) for _ in range(n_cells)]), [(0, 0)] * 2 + [(8, 8)] * 2
            )
            table = pd.DataFrame({"cell_id": [f"cell_{i}" for i in range(n_cells)], "split": "test"})
            table = table.assign(protein=np.resize(proteins, n_cells), field_id="field_01", n_padded=0, n_cut=0)
            attributes = {"channels": list(channels), "source": "clean"}
            write_samples(run.path / "crops.zarr", {"image": images}, table, attributes)
            known = {"protein": proteins, "symbol": proteins, "localization": np.resize(COMPARTMENTS, len(proteins))}
            pd.DataFrame(known).to_parquet(run.path / "proteins.parquet")
            run.note("source", "clean")
            run.note("channels", list(channels))
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
            run.note("layer", "d2")
            run.note("epoch", 12)
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
        full: bool = True,
        paired: float = 0.02,
        notes: dict[str, Any] | None = None,
    ) -> Path:
        """Without `full` as it was before there were controls, further scores and paired differences."""
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
            ap = pd.DataFrame(rows, columns=score_columns)
            scores = evaluations.with_controls(ap) if full else ap
            scores.to_parquet(run.path / "scores.parquet")
            pd.DataFrame(retrieval, columns=retrieval_columns).to_parquet(run.path / "retrieval.parquet")
            described = {"scale": "complex", "organism": "generated", "release": "1", "licence": "CC0-1.0"}
            run.note("standards", {"screen_complex": described})
            if full:
                evaluations.differences(scores, half=paired).to_parquet(run.path / "differences.parquet")
                evaluations.terms(scores).to_parquet(run.path / "terms.parquet")
                evaluations.by_cells(scores).to_parquet(run.path / "by_cells.parquet")
                for name, note in (evaluations.notes(scores) | (notes or {})).items():
                    run.note(name, note)
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
        data, crops = self.data(standards=STANDARDS), self.crops()
        scores = self.scores(seeds=seeds, methods=METHODS)
        restored = {
            method: [self.restored(data, seed, method=method, scores=scores) for seed in seeds] for method in METHODS
        }
        return {
            "data": [data],
            "generators": [self.generator(data, seed) for seed in seeds],
            "pairs": [self.pairs(data, seed) for seed in seeds],
            "restored": [folder for folders in restored.values() for folder in folders],
            "restore_scores": self.write_scores(self.unlike([scores, self.swept(methods=METHODS)])),
            "trust": [self.trust(data, folders, method=method) for method, folders in restored.items()],
            "crops": [crops],
            "localized": [
                *(self.localized(seed, crops=crops, epoch=9) for seed in seeds),
                *(self.localized(seed, encoder="autoencoder", predicts=False) for seed in seeds),
            ],
            "embeddings": [self.embedding(s, encoder=e) for e in ("deeploc", "autoencoder") for s in seeds],
            "evaluated": self.evaluated(seeds=seeds),
            "benchmarks": self.benchmarks(),
        }
