"""What Snakemake runs in a new environment: the package of the rules' version comes from where it is said to be."""

from __future__ import annotations

import os
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from multiscope.origin import origin
from tests.envs.spec import ENVS, FILES, ROOT
from tests.workflow.conftest import environment as with_commands

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One with a `pip` that notes what it is asked, and a `python` in which a given version of multiscope is."""
    for name, text in {"pip": f'echo "$@" > {tmp_path}/asked', "python": "echo $FOUND"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    return {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "FOUND": VERSION}


def deploy(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(ENVS / "multiscope.post-deploy.sh")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_all_environments_get_the_package_in_the_same_way() -> None:
    scripts = {path.with_suffix(".post-deploy.sh").read_text(encoding="utf-8") for path in FILES}
    assert len(scripts) == 1 and f"\nversion={VERSION} " in scripts.pop()


def test_a_checkout_is_installed_in_place_and_anything_else_as_pip_finds_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    for source, asked in {
        str(ROOT): f"--editable {ROOT}",
        "git+https://example.org/multiscope@v1": "git+https://example.org/multiscope@v1",
        f"multiscope=={VERSION}": f"multiscope=={VERSION}",
    }.items():
        run = deploy({**environment, "MULTISCOPE_SOURCE": source})
        assert run.returncode == 0, run.stderr
        assert (tmp_path / "asked").read_text() == f"install --no-deps --no-build-isolation {asked}\n"


def test_without_a_source_one_line_says_what_to_name(environment: dict[str, str]) -> None:
    run = deploy(environment)
    assert run.returncode != 0
    said = run.stderr.splitlines()
    assert len(said) == 1 and said[0].endswith(
        f"MULTISCOPE_SOURCE: is not set: name what pip installs multiscope {VERSION} from, a checkout, wheel or git+URL"
    )


def test_another_version_than_that_of_the_rules_is_refused(environment: dict[str, str]) -> None:
    run = deploy({**environment, "MULTISCOPE_SOURCE": str(ROOT), "FOUND": "0.0.1"})
    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        f"MULTISCOPE_SOURCE: {ROOT} is multiscope 0.0.1, but these rules are of {VERSION}; name that one"
    ]


EMPTY_CONDA = """#!/bin/sh
case "$1" in
--version) echo "conda 24.7.1" ;;
info) echo '{{"conda_prefix": "{folder}", "platform": "linux-64"}}' ;;
config) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
env) for prefix; do :; done; mkdir -p "$prefix" ;;
esac
"""
"""It makes environments with nothing in them."""
IMPORTING = """
module multiscope:
    snakefile: "{address}/workflow/Snakefile"
    config: {{"data": {{"mine": {{"reader": "virtual_screen"}}}}, "crop": {{"data": "mine"}}}}
use rule * from multiscope
"""


@pytest.fixture
def address() -> Iterator[str]:
    """Address at which the checkout is published, on this machine alone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(ROOT))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_rules_from_an_address_get_the_package_that_snakemake_runs_with(
    tmp_path: Path, environment: dict[str, str], address: str
) -> None:
    commands = tmp_path / "conda" / "bin"
    commands.mkdir(parents=True)
    (commands / "conda").write_text(EMPTY_CONDA.format(folder=commands.parent))
    (commands / "conda").chmod(0o755)
    (commands / "activate").write_text(f"PATH={tmp_path}:$PATH\n")
    (tmp_path / "Snakefile").write_text(IMPORTING.format(address=address))
    given = with_commands() | {"FOUND": VERSION, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run = subprocess.run(
        ["snakemake", "--directory", ".", "--cores", "1", "--sdm", "conda", "--conda-create-envs-only"],
        cwd=tmp_path,
        env={**given, "PATH": f"{commands}{os.pathsep}{given['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "asked").read_text() == f"install --no-deps --no-build-isolation --editable {origin()}\n"
