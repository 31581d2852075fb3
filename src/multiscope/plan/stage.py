"""The command `plan`: what a run will need, before it is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from multiscope.errors import InputError
from multiscope.plan.earlier import Earlier
from multiscope.plan.forecast import forecast
from multiscope.plan.jobs import dry_run
from multiscope.plan.limits import problems
from multiscope.plan.text import as_json, as_text


def run(arguments: Sequence[str], *, earlier: Path | None, json: Path | None) -> None:
    """Print what `snakemake` with `arguments` would run; an `InputError` where something cannot fit.

    Times are those of the run in the folder `earlier`.
    """
    if earlier is not None and not earlier.is_dir():
        raise InputError(f"--earlier {earlier}: is not a folder; name one in which the workflow ran before")
    if json is not None and not json.absolute().parent.is_dir():
        raise InputError(f"--json {json}: there is no folder {json.absolute().parent}; name a file in an existing one")
    planned = dry_run(arguments)
    found = forecast(planned, Earlier(planned, earlier or planned.folder))
    if earlier is not None and planned.jobs and not any(estimate.measured for estimate in found.estimates):
        raise InputError(f"--earlier {earlier}: holds no benchmark file of these rules; name a folder of a run")
    print(as_text(found))
    if json is not None:
        json.write_text(as_json(found), encoding="utf-8")
    if lines := problems(found):
        print("\n".join(["", *lines]))
        raise InputError(f"{len(lines)} thing(s) of this run cannot fit, see above")
