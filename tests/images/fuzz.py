"""Mutates files of one kind and reads them: a process of its own, so that memory and hangs are its own too.

`python fuzz.py KIND N SEED FOLDER` prints a JSON line: how many ended in data, how many in one line of refusal, and
what ended otherwise; and the peak memory.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 20
ADDRESS_SPACE = 8 * 2**30


def seeds_of(kind: str, folder: Path) -> list[Path]:
    """Small whole files of a kind."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 4000, (2, 3, 40, 48), dtype=np.uint16)
    folder.mkdir(parents=True)
    return list(SEEDS[kind](folder, image))


def _tiffs(folder: Path, image: np.ndarray[Any, Any]) -> list[Path]:
    import tifffile

    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "big": {"bigtiff": True},
        "tiled": {"tile": (16, 16), "compression": "deflate", "predictor": True},
        "lzw": {"compression": "lzw"},
        "imagej": {"imagej": True, "metadata": {"axes": "ZCYX", "unit": "um", "spacing": 0.5}},
        "ome": {"ome": True, "metadata": {"axes": "CZYX", "PhysicalSizeX": 0.1, "Channel": {"Name": ["a", "b"]}}},
    }
    paths = []
    for name, how in options.items():
        path = folder / (f"{name}.ome.tif" if name == "ome" else f"{name}.tif")
        pixels = image.swapaxes(0, 1) if name == "imagej" else image if name == "ome" else image[0, 0]
        tifffile.imwrite(path, pixels, **how)
        paths.append(path)
    return paths


def _rasters(folder: Path, image: np.ndarray[Any, Any]) -> list[Path]:
    from PIL import Image

    plane = image[0, 0]
    Image.fromarray(plane).save(folder / "deep.png")
    Image.fromarray((plane >> 4).astype(np.uint8)).save(folder / "grey.png")
    Image.fromarray((plane >> 4).astype(np.uint8)).save(folder / "grey.jpg")
    return sorted(folder.iterdir())


def _zarrs(folder: Path, image: np.ndarray[Any, Any]) -> list[Path]:
    from multiscope.stores.fields import write_field
    from multiscope.stores.pixel_size import PixelSize

    labels = (image[0, 0] > 2000).astype(np.uint32)
    write_field(
        folder / "five.zarr", image[:, 0], channels=["a", "b"], pixel_size=PixelSize(None, 0.1, 0.1), labels=labels
    )
    import ome_zarr.writer
    import zarr
    from ome_zarr.format import FormatV04

    group = zarr.open_group(folder / "four.zarr", mode="w", zarr_format=2)
    ome_zarr.writer.write_image(image, group, axes="czyx", scaler=None, fmt=FormatV04())
    return [folder / "five.zarr", folder / "four.zarr"]


def _arrays(folder: Path, image: np.ndarray[Any, Any]) -> list[Path]:
    np.savez_compressed(folder / "care.npz", X=image[:1], Y=image[1:], axes="SCYX")
    np.savez(folder / "plain.npz", X=image[0], Y=image[1])
    np.save(folder / "image.npy", image)
    return sorted(folder.iterdir())


def _hdf5(folder: Path, image: np.ndarray[Any, Any]) -> list[Path]:
    import h5py

    pixels = np.resize(image.astype(np.float32), (12, 2 * 64 * 64))
    for name, how in (("plain", {}), ("packed", {"chunks": (4, 512), "compression": "gzip", "shuffle": True})):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file.create_dataset("data1", data=pixels, **how)
            file.create_dataset("Index1", data=np.eye(19)[np.arange(12) % 19])
    return sorted(folder.iterdir())


def _tables(folder: Path, image: np.ndarray[Any, Any]) -> list[Path]:
    import tifffile

    tifffile.imwrite(folder / "image.tif", image[0, 0])
    rows = "".join(f"f{i},image.tif,P{i % 2},A0{i},{side}\n" for i, side in enumerate(("train", "val", "test") * 2))
    (folder / "sheet.csv").write_text("field,image,protein,well,split\n" + rows)
    (folder / "sheet.tsv").write_text(("field,image,protein,well,split\n" + rows).replace(",", "\t"))
    return [folder / "sheet.csv", folder / "sheet.tsv"]


SEEDS: dict[str, Callable[..., list[Path]]] = {
    "tiff": _tiffs,
    "raster": _rasters,
    "zarr": _zarrs,
    "arrays": _arrays,
    "hdf5": _hdf5,
    "table": _tables,
}


def read(kind: str, path: Path) -> None:
    """Read everything there is, as `data` and `data inspect` do."""
    from multiscope.config import CropsFile, SampleSheet

    if kind == "hdf5":
        from multiscope.data.readers.crops_file import CropsFileReader

        for _ in CropsFileReader(CropsFile(reader="deeploc_hdf5", path=path)).pieces():
            pass
    elif kind == "table":
        from multiscope.data.readers.sample_sheet import sheet_reader

        reader = sheet_reader(SampleSheet(reader="sheet", sheet=path))
        for number in range(len(reader.fields)):
            reader.read(number)
    else:
        read_images(path)


def read_images(path: Path) -> None:
    """Every image at `path`, every time point, and its labels."""
    from multiscope.errors import InputError
    from multiscope.images.open import open_images

    with open_images(path) as source:
        images = list(source)
        if not images:
            raise InputError(f"{path}: nothing readable")
        for image in images:
            for time in range(min(image.info.shape[0], 3)):
                image.read(time=time)
                for name in image.info.labels:
                    image.read_labels(name, time=time)


def mutate(whole: Path, place: Path, rng: np.random.Generator) -> Path:
    """A damaged copy of a file, or of a folder in which one file is damaged."""
    target = place / whole.name
    if target.is_dir():
        shutil.rmtree(target)
    (shutil.copytree if whole.is_dir() else shutil.copy)(whole, target)
    for other in whole.parent.iterdir():
        if other != whole and other.is_file() and not (place / other.name).exists():
            shutil.copy(other, place / other.name)
    files = sorted(p for p in target.rglob("*") if p.is_file()) if target.is_dir() else [target]
    victim = files[int(rng.integers(len(files)))]
    victim.write_bytes(_damaged(victim.read_bytes(), rng))
    return target


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    match int(rng.integers(6)):
        case 0:
            return bytes(data[: int(rng.integers(len(data) + 1))])
        case 1:
            for _ in range(int(rng.integers(1, 20))):
                data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        case 2:  # near the beginning, where headers are
            for _ in range(int(rng.integers(1, 6))):
                data[int(rng.integers(min(len(data), 400)))] = int(rng.integers(256))
        case 3:
            at = int(rng.integers(len(data)))
            data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x40\x42\x0f\0", b"\xff\xff\xff\x7f"])
        case 4:  # numbers in text
            digits = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
            for at in rng.choice(digits, size=min(3, len(digits)), replace=False) if digits else []:
                data[int(at) : int(at) + 1] = rng.choice([b"0", b"-1", b"999999999999", b"1e400", b"null", b'"'])
        case 5:
            start, end = sorted(int(v) for v in rng.integers(len(data), size=2))
            data[start:start] = data[start : min(end, start + 500)]
    return bytes(data)


def peak_mb() -> float:
    """Most memory that this process held; not `ru_maxrss`, which remembers the parent it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main(kind: str, n: int, seed: int, folder: Path) -> None:
    """Mutate and read `n` times."""
    from multiscope.errors import InputError

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    rng = np.random.default_rng(seed)
    seeds = seeds_of(kind, folder / "whole")
    for whole in seeds:
        read(kind, whole)  # whole files are read
    place = folder / "damaged"
    place.mkdir()
    found: dict[str, Any] = {"data": 0, "refused": 0, "faults": []}
    for number in range(n):
        path = mutate(seeds[number % len(seeds)], place, rng)
        signal.alarm(SECONDS)
        try:
            read(kind, path)
            found["data"] += 1
        except InputError as error:
            one_line = "\n" not in str(error)
            found["refused"] += 1
            if not one_line:
                found["faults"].append(f"{number}: several lines: {error}")
        except BaseException as error:
            found["faults"].append(f"{number} {path.name}: {type(error).__name__}: {str(error)[:200]}")
            keep = folder / f"fault_{number}"
            shutil.copytree(path, keep) if path.is_dir() else shutil.copy(path, keep)
        finally:
            signal.alarm(0)
    found["peak_mb"] = peak_mb()
    print(json.dumps(found))


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
