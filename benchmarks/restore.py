"""What training and using restorers costs beside doing the same in bare torch, and beside careamics.

    python -m benchmarks.restore                                  # minutes, one thread, a CPU
    python -m benchmarks.restore --careamics /path/to/python      # an interpreter made by envs/careamics.yaml
    python -m benchmarks.restore --only tiles --only memory

Contenders take turns in every round, and ratios are those within a round; of up to three times as many rounds, those
with the least other load on the machine are taken. Each line says what was measured, the median with the range over
rounds, and the target. `--clock cpu` counts the processor's seconds of this process in place of those on the wall: for
machines that others use too (what waits for the disk is not counted).

`loop`: steps of `multiscope.training.loop` as `restore` runs it, with drawing and flipping patches, the history, and a
saved state at the end of each round (in a job: every 20 seconds), against the same networks, losses and optimizers in a
bare loop over batches that lie ready.

`care`: CARE's step against careamics', both with 32 channels, 2 poolings, kernels of 3, no batch norm: 332,641
parameters each (careamics upsamples bilinearly). Whole: our loop as above against `CAREamist.train`, from its sixth
step to its last, with its data set, transforms, loader and loop, without its start and its validation. Bare: network,
loss and Adam alone, on batches that lie ready. Its default has batch norm, which costs more: a line of its own.

`tiles`: a plane restored in tiles against one pass of the network over the whole plane. Tiles overlap, so the network
sees more pixels than the plane has: both are counted. Instance normalization needs tiles of the training size, which
share a quarter or more; CARE's outputs see only so far, and its large blocks overlap by that.

`memory`: the peak of a process of its own that runs `restore apply` on a large image.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from benchmarks.stores import LOAD, Array, Line, machine, quietest
from multiscope.config import Care, CGan
from multiscope.data.patches import UnpairedPatches
from multiscope.nn.cards import save_network
from multiscope.nn.care_unet import CareUNet
from multiscope.nn.content import SmallContent, content_loss
from multiscope.nn.ema import Ema
from multiscope.nn.patch_critic import PatchCritic
from multiscope.nn.resnet_generator import ResnetGenerator
from multiscope.restore.methods.care import CareRecipe
from multiscope.restore.methods.cgan import CGanRecipe
from multiscope.restore.methods.images import Batch, TrainingImages, TrainingPairs
from multiscope.restore.methods.method import Recipe, Task
from multiscope.restore.restorer import Restorer
from multiscope.stores.fields import write_field
from multiscope.training.device import make_fabric
from multiscope.training.loop import Plan, train
from multiscope.training.state import StateFolder

SIZE, BATCH, DEFECTS = 64, 8, ["axial", "blur", "noise"]
SKIPPED = 5
"""First steps of careamics that are not counted."""
APPLY = """
import sys
from pathlib import Path
from multiscope.restore.apply import apply_restorer
model, image, out, threads = sys.argv[1:]
apply_restorer(model=Path(model), source=Path(image), out=Path(out), device="cpu", threads=int(threads))
# not ru_maxrss, which remembers the parent this process was forked from
print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
Step = Callable[[Batch], None]


@dataclass(frozen=True)
class Rounds:
    """How often, and by which clock."""

    folder: Path
    rounds: int
    steps: int
    threads: int
    clock: str

    def now(self) -> float:
        """Seconds, of the clock on the wall or of the processor in this process."""
        return time.process_time() if self.clock == "cpu" else time.perf_counter()


@dataclass(frozen=True)
class Bench(Rounds):
    """And how much."""

    side: int
    careamics: Path | None


def blobs(n: int) -> Array:
    """Round blobs (n, SIZE, SIZE) in [-1, 1]."""
    rng = np.random.default_rng(0)
    spots = np.zeros((n, SIZE, SIZE), np.float32)
    for image in spots:
        image[tuple(rng.integers(SIZE, size=(2, 12)))] = rng.uniform(0.4, 1, size=12)
    made: Array = (ndimage.gaussian_filter(spots, (0, 2, 2)) / 0.02 - 1).clip(-1, 1)
    return made


def task_of(bench: Bench, config: Any) -> Task:
    """The task of a method, as `restore` would give it."""
    clean = np.concatenate([blobs(50)] * len(DEFECTS))[:, None]
    degraded = clean + np.random.default_rng(1).normal(0, 0.3, clean.shape).astype(np.float32)
    table = pd.DataFrame({"defect": np.repeat(DEFECTS, 50), "origin": "real"})
    content = SmallContent(16).freeze()
    return Task(
        name=config.model,
        config=config,
        images=TrainingImages(
            TrainingPairs(degraded, clean, table, DEFECTS), cast(UnpairedPatches, None), flips=True, real_share=0.3
        ),
        content=lambda: content,
        steps=10**6,
        batch_size=BATCH,
        seed=0,
        fabric=make_fabric("cpu", threads=bench.threads),
        state=lambda: StateFolder(bench.folder / "state", fingerprint="benchmark"),
    )


def bare_care(config: Care) -> Step:
    network = CareUNet(width=config.width, kernel=config.kernel)
    return _bare(network, config.lr)


def _bare(network: nn.Module, lr: float) -> Step:
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        l1_loss(network(batch.degraded), batch.clean).backward()
        optimizer.step()

    return step


def bare_cgan(config: CGan) -> Step:
    """The default recipe: conditioned, judged in pairs, with content, pixels and averaged weights."""
    generator = ResnetGenerator(
        width=config.width, blocks=config.blocks, output=config.skip, lateral=config.lateral, n_conditions=len(DEFECTS)
    )
    critic, content = PatchCritic(in_channels=2, width=config.critic_width), SmallContent(16).freeze()
    ema = Ema(generator, decay=config.ema)
    of_generator, of_critic = (torch.optim.Adam(net.parameters(), lr=config.lr) for net in (generator, critic))

    def judged(batch: Batch, image: Tensor, truth: float) -> Tensor:
        score = critic(torch.cat([batch.degraded, image], dim=1))
        return binary_cross_entropy_with_logits(score, torch.full_like(score, truth))

    def step(batch: Batch) -> None:
        restored = generator(batch.degraded, batch.defect)
        of_critic.zero_grad()
        ((judged(batch, batch.clean, 1.0) + judged(batch, restored.detach(), 0.0)) / 2).backward()
        of_critic.step()
        of_generator.zero_grad()
        loss = config.adversarial_weight * judged(batch, restored, 1.0)
        loss = loss + config.content_weight * content_loss(content, restored, batch.clean)
        (loss + config.pixel_weight * l1_loss(restored, batch.clean)).backward()
        of_generator.step()
        ema.update(generator)

    return step


def of_loop(bench: Bench, recipe: Recipe) -> float:
    """Seconds a step of our loop."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder, redirect_stderr(StringIO()):
        state = StateFolder(Path(folder, "state"), fingerprint="benchmark")
        began = bench.now()
        train(recipe, Plan(what="benchmark", steps=bench.steps, seed=0), state)
        return (bench.now() - began) / bench.steps


def of_bare(bench: Bench, step: Step, batches: list[Batch]) -> float:
    """Seconds a step of a bare loop."""
    began = bench.now()
    for number in range(bench.steps):
        step(batches[number % len(batches)])
    return (bench.now() - began) / bench.steps


def ready(task: Task) -> list[Batch]:
    rng = np.random.default_rng(2)
    return [task.images.paired(rng, task.batch_size) for _ in range(16)]


def turns(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, Array]:
    """Values of each contender in the quietest rounds; none is always the first."""
    names, turn = list(contenders), iter(range(10**6))
    return quietest(lambda: {name: contenders[name]() for name in np.roll(names, next(turn))}, rounds)


def loop(bench: Bench) -> Iterator[Line]:
    """Our loop against a bare one."""
    bare: dict[str, tuple[Any, type[Recipe], Callable[[Any], Step]]] = {
        "CARE": (Care(model="care"), CareRecipe, bare_care),
        "cGAN": (CGan(model="cgan"), CGanRecipe, bare_cgan),
    }
    for name, (config, recipe, make) in bare.items():
        task = task_of(bench, config)
        found = turns(
            {
                "ours": partial(of_loop, bench, recipe(task)),
                "bare": partial(of_bare, bench, make(config), ready(task)),
            },
            bench.rounds,
        )
        yield Line("other load, share of the cores", list(found.pop(LOAD)))
        for who, seconds in found.items():
            yield Line(f"{name}, a step of {BATCH} x {SIZE} x {SIZE}: {who}", list(1000 * seconds), "ms")
        yield Line(f"{name}: speed of our loop / bare loop", list(found["bare"] / found["ours"]), least=0.95)


def care(bench: Bench) -> Iterator[Line]:
    """CARE's step against careamics'; in the interpreter that has it."""
    config = Care(model="care", width=32, kernel=3)
    task = task_of(bench, config)
    batches = ready(task)
    unet = import_module("careamics.models.unet").UNet
    theirs = unet(conv_dims=2, depth=2, num_channels_init=32, use_batch_norm=False, independent_channels=False)
    found = turns(
        {
            "ours, whole": partial(of_loop, bench, CareRecipe(task)),
            "careamics, whole": partial(of_careamics, bench, task, batch_norm=False),
            "careamics' default with batch norm, whole": partial(of_careamics, bench, task, batch_norm=True),
            "ours, bare": partial(of_bare, bench, bare_care(config), batches),
            "careamics, bare": partial(of_bare, bench, _bare(theirs, config.lr), batches),
        },
        bench.rounds,
    )
    yield Line("other load, share of the cores", list(found.pop(LOAD)))
    for who, seconds in found.items():
        yield Line(f"CARE's step: {who}", list(1000 * seconds), "ms")
    whole = found["careamics, whole"] / found["ours, whole"]
    yield Line("CARE's step: speed of ours / careamics, both whole", list(whole), least=1.0)
    yield Line(
        "CARE's step: speed of ours / careamics, both bare", list(found["careamics, bare"] / found["ours, bare"])
    )
    yield Line("CARE's step: ours whole / careamics bare", list(found["careamics, bare"] / found["ours, whole"]))


def of_careamics(bench: Bench, task: Task, *, batch_norm: bool) -> float:
    """Seconds a step of `CAREamist.train`, from its sixth step to its last."""
    callback = import_module("lightning.pytorch.callbacks").LambdaCallback
    pairs, times = task.images.pairs, list[float]()
    n = -(-(bench.steps + SKIPPED) * BATCH // len(pairs.clean))
    degraded, clean = (np.concatenate([images[:, 0].numpy()] * n) for images in (pairs.degraded, pairs.clean))
    config = import_module("careamics.config.factories").create_advanced_care_config(
        experiment_name="care",
        data_type="array",
        axes="SYX",
        patch_size=[SIZE, SIZE],
        batch_size=BATCH,
        num_epochs=1,
        num_steps=bench.steps + SKIPPED,
        augmentations=["x_flip", "y_flip"],
        normalization_params={"input_means": [0.0], "input_stds": [1.0], "target_means": [0.0], "target_stds": [1.0]},
        num_workers=0,
        trainer_params={"accelerator": "cpu", "enable_model_summary": False},
        model_params={"num_channels_init": 32, "depth": 2, "use_batch_norm": batch_norm},
        early_stopping_params={},
        seed=1,
    )
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        watch = callback(on_train_batch_end=lambda *_: times.append(bench.now()))
        careamist = import_module("careamics").CAREamist
        own = careamist(config, work_dir=folder, callbacks=[watch], enable_progress_bar=False)
        own.train(
            train_data=degraded,
            train_data_target=clean,
            val_data=degraded[:BATCH],
            val_data_target=clean[:BATCH],
        )
    return (times[-1] - times[SKIPPED - 1]) / (len(times) - SKIPPED)


def tiles(bench: Bench) -> Iterator[Line]:
    """Planes in tiles against one pass over the whole plane."""
    make_fabric("cpu", threads=bench.threads)
    plane = np.tile(blobs(1)[0], (16, 16))
    whole = torch.from_numpy(plane)[None, None]
    networks: dict[str, tuple[nn.Module, bool, float | None]] = {
        "CARE": (CareUNet(width=16, kernel=3), False, 0.9),
        "cGAN": (ResnetGenerator(width=16, blocks=3, output="residual", lateral=True, n_conditions=3), True, None),
    }
    for name, (network, told, least) in networks.items():
        restorer = Restorer(network, card(network, conditional=told), torch.device("cpu"))
        arguments = (whole, torch.tensor([0])) if told else (whole,)

        def in_tiles(restorer: Restorer = restorer) -> float:
            began = bench.now()
            restorer.unit_plane(plane, "axial")
            return bench.now() - began

        def at_once(network: nn.Module = network, arguments: tuple[Tensor, ...] = arguments) -> float:
            began = bench.now()
            with torch.no_grad():
                network(*arguments)
            return bench.now() - began

        found = turns({"in tiles": in_tiles, "at once": at_once}, bench.rounds)
        layout = restorer.layout((plane.shape[0], plane.shape[1]))
        more = layout.n_tiles * layout.y.tile * layout.x.tile / plane.size
        yield Line("other load, share of the cores", list(found.pop(LOAD)))
        yield Line(f"{name}: tiles of {layout.y.tile} pixels; pixels in tiles / in the plane", [more])
        for how, seconds in found.items():
            yield Line(
                f"{name}, {plane.shape[0]} x {plane.shape[1]} {how}", list(plane.size / 1e6 / seconds), "Mpixel/s"
            )
        ratio = found["at once"] / found["in tiles"]
        yield Line(f"{name}: speed in tiles / at once, pixels of tiles", list(more * ratio), least=0.9)
        yield Line(f"{name}: speed in tiles / at once, pixels of the plane", list(ratio), least=least)


def card(network: nn.Module, *, conditional: bool) -> dict[str, Any]:
    """What `restore` would write beside the network."""
    return {
        "channels": ["gfp"],
        "scale": {"gfp": {"low": 100.0, "high": 4000.0}},
        "defects": DEFECTS,
        "conditional": conditional,
        "tile": SIZE,
        "multiple": 4,
        "receptive": getattr(network, "receptive", 0),
        "self_ensemble": False,
        "floor": True,
    }


def memory(bench: Bench) -> Iterator[Line]:
    """Peak memory of `restore apply`; the small image tells what the packages and the network take."""
    network = CareUNet(width=16, kernel=3)
    model = bench.folder / "model"
    model.mkdir()
    save_network(model, network, "care_unet", {"width": 16, "kernel": 3}, card(network, conditional=False))
    peaks = {}
    for side in (min(2048, bench.side), bench.side):
        image = np.random.default_rng(3).integers(100, 4000, size=(1, side, side), dtype=np.uint16)
        path = bench.folder / f"image{side}.zarr"
        write_field(path, image, channels=["gfp"])
        command = [
            sys.executable,
            "-c",
            APPLY,
            *map(str, (model, path, bench.folder / f"out{side}.zarr", bench.threads)),
        ]
        began = time.perf_counter()
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        peaks[side] = float(said)
        what = f"restore apply, CARE, {side} x {side} uint16 ({image.nbytes / 2**20:.0f} MiB)"
        yield Line(f"{what}: seconds", [time.perf_counter() - began], "s")
        yield Line(f"{what}: peak", [peaks[side]], "MiB")
    small, large = (side**2 * 2 / 2**20 for side in peaks)
    if large > small:
        low, high = peaks.values()
        yield Line("peak memory: bytes for each further byte of the image", [(high - low) / (large - small)])


SECTIONS: dict[str, Callable[[Bench], Iterator[Line]]] = {"loop": loop, "care": care, "tiles": tiles, "memory": memory}


def elsewhere(bench: Bench) -> int:
    """`care` in the interpreter that has careamics; its exit code."""
    options: dict[str, object] = {"--rounds": bench.rounds, "--steps": bench.steps, "--threads": bench.threads}
    options |= {"--folder": bench.folder, "--clock": bench.clock}
    words = [str(word) for option in options.items() for word in option]
    command = [str(bench.careamics), "-m", "benchmarks.restore", "--only", "care", *words]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode


def run(bench: Bench, chosen: list[str]) -> bool:
    """Measure, print each line as it is known; whether all targets are met."""
    packages = [name for name in ("torch", "careamics", "lightning") if find_spec(name)]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    how = f"{bench.threads} threads, {bench.rounds} rounds of {bench.steps} steps, {bench.clock} time"
    print(f"{machine()}, {versions}; {how}\n", flush=True)
    holds = True
    for name in chosen:
        if name == "care" and not find_spec("careamics"):
            if bench.careamics is None:
                print("care: skipped, needs --careamics: see envs/careamics.yaml", flush=True)
            else:
                holds &= elsewhere(bench) == 0
            continue
        for line in SECTIONS[name](bench):
            print(line, flush=True)
            holds &= line.holds
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40, help="training steps of a contender in a round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall", help="cpu: where others use the machine too"
    )
    parser.add_argument("--side", type=int, default=8192, help="of the image that memory is measured on")
    parser.add_argument("--careamics", type=Path, help="a Python that has careamics and multiscope")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="may be given several times")
    parser.add_argument("--folder", type=Path, help="where to write; default the system's temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        bench = Bench(Path(folder), given.rounds, given.steps, given.threads, given.clock, given.side, given.careamics)
        holds = run(bench, given.only or list(SECTIONS))
    if not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
