"""Each environment is made as Snakemake makes it, but by a stand-in for conda, and its rules run in it alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

from tests.envs.conftest import Deployed, one_line
from tests.workflow.conftest import TINY, snakemake

pytestmark = [pytest.mark.envs, pytest.mark.slow, pytest.mark.timeout(3600)]

CELLPOSE_WEIGHTS = """
import sys, torch
from cellpose.vit import CPSAM
torch.manual_seed(0)
net = CPSAM()
# random but for the last layer: whatever it sees, squares of 8 pixels whose flows, of length 5, point to their middles
middle = 3.5 - torch.arange(8.0)
flows = torch.stack([middle[:, None].expand(8, 8), middle[None].expand(8, 8)])
flows = torch.cat([5 * flows / flows.norm(dim=0), torch.full((1, 8, 8), 5.0)])
torch.nn.init.zeros_(net.out.weight)
net.out.bias.data = flows.reshape(-1)
net.save_model(sys.argv[1])
"""
STARDIST_WEIGHTS = """
import sys, keras, numpy as np
from stardist.models import Config2D, StarDist2D
keras.utils.set_random_seed(0)
net = StarDist2D(Config2D(n_rays=8, unet_n_depth=1, unet_n_filter_base=4), name="mine", basedir=sys.argv[1])
for name, bias in {"dist": 5, "prob": 1}.items():
    kernel, _ = net.keras_model.get_layer(name).get_weights()
    net.keras_model.get_layer(name).set_weights([kernel, np.full(kernel.shape[-1], bias)])
net.keras_model.save_weights(f"{sys.argv[1]}/mine/weights_best.h5")
net._export_thresholds = None
with open(f"{sys.argv[1]}/mine/thresholds.json", "w") as file:
    file.write('{"prob": 0.5, "nms": 0.4}')
"""


def fields(folder: Path, **segment: Any) -> Path:
    """Configuration of three fields of bright discs without labels, which stage `data` has read."""
    (folder / "images").mkdir(exist_ok=True)
    y, x = np.mgrid[:96, :96]
    for number in range(3):
        discs = sum(np.hypot(y - cy, x - cx) < 9 for cy in (24, 72) for cx in (20 + 9 * number, 70))
        noise = np.random.default_rng(number).integers(90, 110, (96, 96))
        tifffile.imwrite(folder / "images" / f"{number}.tif", (noise + 900 * discs).astype(np.uint16))
    values = {
        "data": {"mine": {"reader": "fields", "images": "images", "channels": ["dna"]}},
        "segment": {"data": "mine", **segment},
        "report": None,
    }
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
    made = snakemake(folder, "results/data/mine", config=config)
    assert made.returncode == 0, made.stdout + made.stderr
    return config


def segment(deployed: Deployed, folder: Path, **settings: Any) -> str | None:
    """Run the rule in its environment, offline; the line that it ended with, or None if it went well."""
    config = fields(folder, **settings)
    run = deployed.run(folder, config, "results/segment/mine", "--allowed-rules", "segment", offline=True)
    if run.returncode == 0:
        return None
    assert "Error in rule segment" in run.stdout + run.stderr, run.stdout + run.stderr
    return one_line(folder / "logs" / "segment" / "mine.log")


def cells(folder: Path) -> int:
    return int(pd.read_parquet(folder / "results" / "segment" / "mine" / "cells.parquet")["n_cells"].sum())


def with_weights(deployed: Deployed, env: str, script: str, path: Path) -> str:
    subprocess.run([deployed.python(env), "-c", script, str(path)], check=True, capture_output=True, timeout=600)
    return str(path)


def test_the_whole_chain_runs_in_multiscope_yaml(deployed: Deployed, tmp_path: Path) -> None:
    run = deployed.run(tmp_path, TINY)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "results" / "report" / "index.html").is_file()
    assert len(list(deployed.prefix.glob("*_.yaml"))) == 1
    manifest = json.loads((tmp_path / "results" / "restore" / "cgan" / "seed0" / "manifest.json").read_text())
    assert manifest["stage"] == "restore"


def test_cellpose_finds_cells_by_a_file_of_weights_and_says_what_it_cannot_download(
    deployed: Deployed, tmp_path: Path
) -> None:
    said = segment(deployed, tmp_path, method="cellpose")
    assert said is not None and "'cpsam_v2' could be neither read nor downloaded" in said
    weights = with_weights(deployed, "cellpose", CELLPOSE_WEIGHTS, tmp_path / "weights")
    assert segment(deployed, tmp_path, method="cellpose", model=weights, min_area=1) is None
    assert cells(tmp_path) > 0


def test_stardist_finds_cells_by_a_folder_of_a_model_and_says_what_it_cannot_download(
    deployed: Deployed, tmp_path: Path
) -> None:
    said = segment(deployed, tmp_path, method="stardist")
    assert said is not None and "'2D_versatile_fluo' could be neither read nor downloaded" in said
    with_weights(deployed, "stardist", STARDIST_WEIGHTS, tmp_path)
    assert segment(deployed, tmp_path, method="stardist", model=str(tmp_path / "mine"), min_area=1) is None
    assert cells(tmp_path) > 0


def test_methods_of_careamics_are_trained_in_careamics_yaml(deployed: Deployed, tmp_path: Path) -> None:
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    methods = {name: {"model": f"careamics_{name}", "width": 8} for name in ("care", "n2v")}
    config = tmp_path / "config.yaml"
    values = {name: values[name] for name in ("seeds", "data", "augment")} | {
        "restore": {**values["restore"], "methods": methods},
        "report": None,
    }
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
    made = snakemake(tmp_path, "results/augment/pairs/seed0", config=config)
    assert made.returncode == 0, made.stdout + made.stderr
    targets = [f"results/restore/{name}/seed0" for name in methods]
    run = deployed.run(tmp_path, config, *targets, "--allowed-rules", "restore", offline=True)
    assert run.returncode == 0, run.stdout + run.stderr
    for target in targets:
        assert (tmp_path / target / "model.safetensors").is_file()
        losses = pd.read_json(tmp_path / target / "history.jsonl", lines=True)
        assert losses["step"].max() == values["restore"]["steps"]
