"""A stand-in for `apptainer` where there is none: an image is a folder, and chroot takes the place of a container.

`build` makes the base of a definition with debootstrap, and runs its sections in it. It shows that the definition's
steps end well in such a system, that Snakemake names the image and that rules run in it. It says nothing of Apptainer's
own parsing, of its image format, of users without rights, or of GPUs. Needs root, debootstrap and unshare.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from argparse import REMAINDER, ArgumentParser
from pathlib import Path

from tests.envs.spec import ROOT

ENVIRONMENT = "environment.sh"
SHARED = ["/dev", "/proc", "/tmp"]
"""What an image sees of this machine; nothing that a package's script could write over."""
NETWORK = ["etc/resolv.conf", "etc/hosts", "usr/local/share/ca-certificates"]
"""Copied into an image that is made: how this machine finds others, and whom else it trusts."""


def install(folder: Path) -> Path:
    """Make the command `apptainer` in `folder`, which is returned, for PATH."""
    folder.mkdir(parents=True)
    command = folder / "apptainer"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.envs.stand_in_apptainer "$@"\n')
    command.chmod(0o755)
    return folder


def sections(definition: str) -> dict[str, str]:
    """Text of a definition by section; its head is called `head`."""
    parts = re.split(r"^%(\w+).*\n", "%head\n" + definition, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def build(image: Path, definition: Path) -> None:
    """Make the folder `image`; files are seen from the current one."""
    parts = sections(definition.read_text(encoding="utf-8"))
    head = dict(line.split(": ") for line in parts["head"].split("\n") if line)
    base = re.fullmatch(r"debian:(\w+)-slim", head["From"])
    if head["Bootstrap"] != "docker" or base is None:
        sys.exit(f"{definition}: this stand-in knows Debian alone, not {head}")
    subprocess.run(["debootstrap", "--variant=minbase", base[1], str(image)], check=True, stdout=subprocess.DEVNULL)
    copies = [line.split() for line in parts["files"].split("\n") if line.strip()]
    for source, target in [*copies, *((f"/{path}", path) for path in NETWORK if Path("/", path).exists())]:
        _copy(Path(source), image / target.lstrip("/"))
    (image / ENVIRONMENT).write_text(parts["environment"])
    execute(image, parts["post"], shown=[], folder="/")
    execute(image, f". /{ENVIRONMENT}\n{parts['test']}", shown=[], folder="/")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def execute(image: Path, text: str, *, shown: list[str], folder: str) -> None:
    """Run a shell's text in the image, with the folders `shown` of the host; ends this process if that fails."""
    for path in [*SHARED, *shown]:
        Path(f"{image}{path}").mkdir(parents=True, exist_ok=True)
    binds = [f"mount --rbind {shlex.quote(path)} {image}{shlex.quote(path)}" for path in [*SHARED, *shown]]
    inner = f"cd {shlex.quote(folder)} && {{\n{text}\n}}"
    script = "\n".join(["set -e", *binds, f"exec chroot {image} /bin/sh -ec {shlex.quote(inner)}"])
    run = subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False)
    if run.returncode:
        sys.exit(run.returncode)


def main(command: str, *asked: str) -> None:
    """Answer what Snakemake 9 and the tests ask."""
    if command == "--version":
        print("apptainer version 1.3.0")
    elif command == "build":
        build(Path(asked[0]).absolute(), Path(asked[1]))
    elif command == "exec":
        parser = ArgumentParser()
        parser.add_argument("--home")
        parser.add_argument("--bind", action="append", default=[])
        parser.add_argument("image", type=Path)
        parser.add_argument("inner", nargs=REMAINDER)
        known = parser.parse_args(asked)
        here = str(Path.cwd())
        call = f". /{ENVIRONMENT}; exec {shlex.join(known.inner)}"
        execute(known.image.absolute(), call, shown=[here, *known.bind], folder=here)
    else:
        sys.exit(f"this stand-in knows nothing of: apptainer {command}")


if __name__ == "__main__":
    main(*sys.argv[1:])
