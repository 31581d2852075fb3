"""Weights that somebody else trained, from a file: nothing in it is run, and all of it is checked before it is used."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from multiscope.errors import InputError

_MAX_BYTES = 2**30  # the largest that are published here, VGG's, have 0.53 GB


def read_weights(path: Path, expected: str) -> dict[str, Tensor]:
    """The tensors in a torch file (`.pth`) or `.safetensors`; `expected` says in errors which ones are meant."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; {expected}: name where it lies")
    try:
        if (size := _bytes_of(path)) > _MAX_BYTES:
            raise InputError(f"{path}: holds {size} bytes, the limit is {_MAX_BYTES}; {expected}: name that file")
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            # a foreign file is told below, in one line
            warnings.simplefilter("ignore")
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # many kinds are raised on a foreign file
        raise InputError(f"{path}: not a weights file ({type(error).__name__}); {expected}") from None
    if not isinstance(weights, dict):
        raise InputError(f"{path}: holds a {type(weights).__name__}, not a dictionary of tensors; {expected}")
    return {name: value for name, value in weights.items() if isinstance(name, str) and isinstance(value, Tensor)}


def copy_weights(own: Mapping[str, Tensor], given: Mapping[str, Any], path: Path, expected: str) -> None:
    """Fill the tensors `own` with those of the same names in `given`, which come from `path`; others are not read."""
    for name, tensor in own.items():
        there = given.get(name)
        if there is None or there.layout != torch.strided or there.is_floating_point() != tensor.is_floating_point():
            raise InputError(f"{path}: has no tensor '{name}'; {expected}")
        if there.shape != tensor.shape:
            raise InputError(f"{path}: '{name}' is {tuple(there.shape)}, not {tuple(tensor.shape)}; {expected}")
        if not torch.isfinite(there).all():
            raise InputError(f"{path}: '{name}' is not finite; {expected}: fetch the file again")
        with torch.no_grad():
            tensor.copy_(there)


def _bytes_of(path: Path) -> int:
    """Bytes of a file, unpacked where it is a zip archive, as torch's are."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    return path.stat().st_size
