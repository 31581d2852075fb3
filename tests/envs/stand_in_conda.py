"""A stand-in for `conda` where there are no channels: what Snakemake asks of it, with venvs that pip fills.

It shows that what an environment file lists exists, works together, and is all that a rule needs. It says nothing of
what conda's solver finds. Versions are those of `envs/lock.txt` where the file allows them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from tests.envs.spec import ROOT, locked, requirements

NOT_FROM_PIP = {"python", "pip"}


def install(folder: Path) -> Path:
    """Make `bin/conda`, and `bin/activate` as conda has it, below `folder`; the former's folder, for PATH."""
    binaries = folder / "bin"
    binaries.mkdir(parents=True)
    call = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.envs.stand_in_conda {folder} "$@"\n'
    for name, text in {"conda": call, "activate": '. "$1/bin/activate"\n'}.items():
        (binaries / name).write_text(text)
        (binaries / name).chmod(0o755)
    return binaries


def create(file: Path, prefix: Path) -> None:
    """Make the environment that a file describes."""
    needed = requirements(file)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python not in needed["python"].specifier:
        sys.exit(f"{file}: python {needed['python'].specifier}, but this is {python}")
    wanted = [need for name, need in needed.items() if name not in NOT_FROM_PIP]
    pins = {name: pin for name, pin in locked().items() if name in needed and pin in needed[name].specifier}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True, env=environment)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("".join(f"{name}=={pin}\n" for name, pin in pins.items()))
        constraints.flush()
        command = [prefix / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile", "-c", constraints.name]
        subprocess.run([*command, *map(str, wanted)], check=True, env=environment)


def main(prefix: str, *asked: str) -> None:
    """Answer what Snakemake 9 asks; `prefix` is the folder of this stand-in."""
    match asked:
        case ["--version"]:
            print("conda 24.7.1")
        case ["info", *_]:
            print(json.dumps({"conda_prefix": prefix, "platform": "linux-64"}))
        case ["config", *_]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *options]:
            parser = ArgumentParser()
            parser.add_argument("--file", type=Path)
            parser.add_argument("--prefix", type=Path)
            known, _ = parser.parse_known_args(options)
            create(known.file, known.prefix)
        case ["clean", *_]:
            pass  # there are no archives of packages
        case _:
            sys.exit(f"this stand-in knows nothing of: conda {' '.join(asked)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
