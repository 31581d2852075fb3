"""What a user sees when things go wrong: one line, exit code 2, and nothing finished is touched."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from multiscope import cli
from multiscope.folders.manifest import verify

CROPS = "{protein}_{field}_{cell}_gfp.tif"
rng = np.random.default_rng(0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """Run a command; returns its exit code and the errors it named on stderr, after whatever progress it told."""

    def call(*arguments: object) -> tuple[int, list[str]]:
        monkeypatch.setattr("sys.argv", ["multiscope", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        lines = capsys.readouterr().err.splitlines()
        assert not any("Traceback" in line for line in lines)
        # an error is the last thing said, in one line
        assert all(re.match(r"[a-z]+: ", line) for line in lines), lines
        return int(ended.value.code or 0), [line for line in lines if line.startswith("multiscope: ")]

    return call


def crop_folder(folder: Path) -> Path:
    """Three fields of two proteins, four crops each."""
    folder.mkdir()
    for protein in ("A", "B"):
        for field in range(3):
            for cell in range(4):
                image = rng.integers(100, 4000, (64, 64)).astype(np.uint16)
                tifffile.imwrite(folder / f"{protein}_{field}_{cell}_gfp.tif", image)
    return folder


def crops_section(folder: Path, **more: object) -> str:
    section = {"reader": "crops", "path": str(folder), "pattern": CROPS, "channels": ["gfp"]}
    localization = {"A": "nucleus", "B": "cytoplasm"}
    return json.dumps({**section, "localization": localization, "split": {"train": 0.34, "val": 0.33}, **more})


def fields_section(folder: Path) -> str:
    section = {"reader": "fields", "images": str(folder / "images"), "labels": str(folder / "labels")}
    return json.dumps(section)


def not_an_image(folder: Path) -> None:
    (folder / "A_0_0_gfp.tif").write_text("I am no image")


def truncated(folder: Path) -> None:
    path = folder / "A_0_0_gfp.tif"
    path.write_bytes(path.read_bytes()[:2000])


def another_size(folder: Path) -> None:
    tifffile.imwrite(folder / "B_2_3_gfp.tif", np.ones((60, 60), np.uint16))


def not_a_number(folder: Path) -> None:
    for path in folder.iterdir():
        tifffile.imwrite(path, np.where(np.eye(64) > 0, np.nan, 1).astype(np.float32))


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (not_an_image, "A_0_0_gfp.tif"),
        (truncated, "A_0_0_gfp.tif"),
        (another_size, "B_2_3_gfp.tif"),
        (not_a_number, "_gfp.tif"),
        (no_folder, "crops"),
    ],
)
def test_bad_images_end_with_one_line_and_leave_the_former_result(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    folder, out = crop_folder(tmp_path / "crops"), tmp_path / "out"
    command = ["data", "--dataset", "mine", "--config", crops_section(folder), "--out", out]
    assert run(*command)[0] == 0
    former = verify(out, full=True)["digest"]
    spoil(folder)
    code, lines = run(*command)
    assert (code, len(lines)) == (2, 1), lines
    assert lines[0].startswith("multiscope: ") and said in lines[0]
    assert verify(out, full=True)["digest"] == former
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "crops") == ["out"]


def test_a_label_image_of_another_shape(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for field in range(4):
        tifffile.imwrite(tmp_path / "images" / f"{field}.tif", rng.integers(0, 99, (80, 80)).astype(np.uint16))
        shape = (80, 70) if field == 2 else (80, 80)
        tifffile.imwrite(tmp_path / "labels" / f"{field}.tif", np.ones(shape, np.uint16))
    code, lines = run("data", "--dataset", "x", "--config", fields_section(tmp_path), "--out", tmp_path / "out")
    assert (code, len(lines)) == (2, 1), lines
    assert "2.tif" in lines[0] and "80 x 70" in lines[0]


def test_a_class_with_one_cell(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = crop_folder(tmp_path / "crops")
    for field in range(3):
        tifffile.imwrite(folder / f"C_{field}_0_gfp.tif", np.ones((64, 64), np.uint16))
    section = crops_section(folder, localization={"A": "nucleus", "B": "cytoplasm", "C": "vacuole"})
    assert run("data", "--dataset", "x", "--config", section, "--out", tmp_path / "data")[0] == 0
    encoder = "{model: deeploc, width: 0.0625, dense: 8, epochs: 1}"
    code, lines = run(
        *("localize", "--crops", tmp_path / "data", "--encoder", "x", "--config", encoder, "--out", tmp_path / "net")
    )
    assert (code, len(lines)) == (2, 1), lines
    assert "class 'vacuole' has 1 cell(s) on the train side, expected at least 2" in lines[0]


@pytest.fixture(scope="module")
def embedding(tiny_crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from multiscope.config import DeepLoc, Embed
    from multiscope.embed.stage import run as embed
    from multiscope.localize.stage import run as localize

    folder = tmp_path_factory.mktemp("embedding")
    net = DeepLoc(model="deeploc", width=0.0625, dense=8, epochs=1)
    localize(crops=tiny_crops, out=folder / "net", state=folder / "s", encoder="x", config=net, seed=0, device="cpu")
    embed(crops=[tiny_crops], model=folder / "net", out=folder / "embedding", config=Embed(), device="cpu")
    return folder / "embedding"


def test_a_standard_without_any_of_the_proteins(run, tmp_path: Path, embedding: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "human.gmt").write_text("ribosome\t\tRPL3\tRPL4\n")
    section = json.dumps({"standards": {"human": {"path": str(tmp_path / "human.gmt"), "scale": "complex"}}})
    code, lines = run("evaluate", "--embeddings", embedding, "--config", section, "--out", tmp_path / "out")
    assert (code, len(lines)) == (2, 1), lines
    assert "human" in lines[0] and "RPL3" in lines[0]


def test_a_store_that_does_not_match_its_manifest(run, tmp_path: Path, embedding: Path) -> None:  # type: ignore[no-untyped-def]
    copy = tmp_path / "embedding"
    shutil.copytree(embedding, copy)
    (copy / "proteins.parquet").write_bytes(b"short")
    code, lines = run("evaluate", "--embeddings", copy, "--out", tmp_path / "out")
    assert (code, len(lines)) == (2, 1), lines
    assert "damaged: proteins.parquet has 5 bytes" in lines[0]
    assert run("verify", embedding, "--full")[0] == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small tmpfs here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk(run, small_disk: Path) -> None:  # type: ignore[no-untyped-def]
    section = "{reader: virtual_screen, fields_per_protein: 3}"
    code, lines = run("data", "--dataset", "x", "--config", section, "--out", small_disk / "out")
    assert (code, len(lines)) == (2, 1), lines
    assert "disk is full" in lines[0]
    # what is finished is kept for the next try, and the line says so
    assert [path.name for path in small_disk.iterdir()] == [".out.partial"]
    assert f"what is finished is kept in {small_disk / '.out.partial'}" in lines[0]


def test_a_disk_that_fills_while_training(run, small_disk: Path, tiny_crops: Path) -> None:  # type: ignore[no-untyped-def]
    config = "{model: deeploc, width: 0.125, dense: 32, epochs: 30}"
    command = ("localize", "--crops", tiny_crops, "--encoder", "x", "--config", config, "--device", "cpu")
    code, lines = run(*command, "--out", small_disk / "out")
    assert (code, len(lines)) == (2, 1), lines
    assert "disk is full" in lines[0]
    assert not (small_disk / "out").exists()


@pytest.mark.parametrize("option", ["--out", "--state"])
def test_a_folder_that_no_stage_made_is_never_replaced(run, tmp_path: Path, tiny_crops: Path, option: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    places = {"--out": tmp_path / "out", "--state": tmp_path / "state", option: tmp_path / "mine"}
    config = "{model: deeploc, width: 0.0625, dense: 8, epochs: 1}"
    command = ("localize", "--crops", tiny_crops, "--encoder", "x", "--config", config, "--device", "cpu")
    code, lines = run(*command, *(word for pair in places.items() for word in pair))
    assert (code, len(lines)) == (2, 1), lines
    assert "mine: holds" in lines[0]
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["localize", "--seed", "-1"], "--seed"),
        (["frobnicate"], "frobnicate"),
        (["report", "--data", "x", "--out", "out", "--config", "{a: ["], "--config: is not YAML or JSON"),
        (["check", "/"], "/: cannot be read"),
        (["check", "no-such.yaml"], "no-such.yaml: no such file"),
        (["crop", "--data", "/no/where", "--config", "{data: x}", "--out", "out"], "/no/where"),
        (["restore", "--data", "/no/where", "--pairs", "p", "--out", "out", "--config", "{cgann: {}}"], "cgann"),
        (["verify", "/etc"], "/etc: has no manifest.json"),
        (["data", "inspect", "/etc", "--csv", "/no/where/x.csv"], "/no/where"),
    ],
)
def test_other_mistakes_are_one_line(run, monkeypatch, tmp_path, arguments, said) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    code, lines = run(*arguments)
    assert (code, len(lines)) == (2, 1), lines
    assert said in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_stage_is_refused(run, tmp_path: Path, tiny_crops: Path, tiny_screen: Path) -> None:  # type: ignore[no-untyped-def]
    code, lines = run("embed", "--crops", tiny_crops, "--model", tiny_screen, "--out", tmp_path / "out")
    assert (code, len(lines)) == (2, 1), lines
    assert "was made by 'data'; expected a folder made by localize" in lines[0]


def test_every_command_has_help_that_says_what_it_takes(run) -> None:  # type: ignore[no-untyped-def]
    for command in (
        "data",
        "degrade",
        "augment",
        "pairs",
        "restore",
        "sweep",
        "trust",
        "crop",
        "localize",
        "embed",
        "evaluate",
        "report",
    ):
        assert run(command, "--help") == (0, [])
