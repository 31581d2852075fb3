"""Many dry runs for the price of one: Snakemake is imported once, and each run is a fork of that process.

`dry_runs` starts it; it reads requests as JSON from standard input and prints what the runs said, as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# what a run imports anyway
IMPORTED = (
    "snakemake.cli",
    "snakemake.executors.dryrun",
    "snakemake.dag",
    "pandas",
    "smart_open",
    "multiscope.config",
    "multiscope.data.preflight",
    "multiscope.sweep.grid",
)


@dataclass(frozen=True)
class Request:
    """One dry run."""

    arguments: Sequence[str]
    """Of `snakemake`, without -n."""
    newer: Sequence[str] = field(default=())
    """Stages whose code is another version in this run."""


def dry_runs(requests: Sequence[Request], *, env: Mapping[str, str]) -> list[subprocess.CompletedProcess[str]]:
    """What `snakemake -n` says to each request, in their order."""
    asked = json.dumps([asdict(request) for request in requests])
    run = subprocess.run(
        [sys.executable, __file__],
        input=asked, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return [
        subprocess.CompletedProcess(request.arguments, code, said, "")
        for request, (code, said) in zip(requests, json.loads(run.stdout), strict=True)
    ]


def _answer(request: Request) -> tuple[int, str]:
    """Exit code and words of one run, in a child of this process."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            _run(request)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read()


def _run(request: Request) -> None:
    """Never returns."""
    code: int | str | None = 1
    try:
        for stage in request.newer:
            importlib.import_module(f"multiscope.{stage}").STAGE_VERSION += 1
        sys.modules["snakemake.cli"].main(["-n", *request.arguments])
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _get_ready() -> None:
    """Do once what each run would begin with: imports, options of all plugins, models of the configuration."""
    for name in IMPORTED:
        importlib.import_module(name)
    sys.modules["snakemake.cli"].get_argument_parser()
    for model in vars(sys.modules["multiscope.config"]).values():
        if hasattr(model, "model_rebuild"):
            model.model_rebuild()


if __name__ == "__main__":
    _get_ready()
    json.dump([_answer(Request(**asked)) for asked in json.load(sys.stdin)], sys.stdout)
