"""A real Slurm on this machine, for tests: munge, a controller and two nodes on the loopback, with pretend GPUs.

    python -m tests.slurm.cluster start
    python -m tests.slurm.cluster stop
    python -m tests.slurm.cluster run COMMAND...     # start, run the command, stop
    python -m tests.slurm.cluster try COMMAND...     # the same; no failure where there can be no cluster

Two nodes, `calm` and `busy`, claim 8 CPUs, 64 GB and 8 GPUs each, whatever the machine has. Partitions: `main` (the
default) on `calm`; `low` and `high` on `busy`, where a job in `high` takes the place of jobs in `low`, which are put
back into the queue; `wide` on both. There is no accounting, and no cgroups: memory and GPUs are counted, not enforced.

Slurm finds its configuration in /etc/slurm alone (Snakemake's job steps drop SLURM_CONF), so there can be one at a
time, and a machine that has a Slurm of its own is left alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HOME = Path("/run/multiscope-test-slurm")
CONF = Path("/etc/slurm/slurm.conf")
GRES = Path("/etc/slurm/gres.conf")
SIGNATURE = "# The Slurm of multiscope's tests; tests/slurm/cluster.py writes and removes this file."
PACKAGES = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge"}
NODES = ("calm", "busy")
GPUS = 8
_START_SECONDS, _STOP_SECONDS = 30.0, 15.0


class NoClusterError(Exception):
    """Why there can be no test cluster, in one line."""


def refusal() -> str | None:
    """Why this machine cannot have the test cluster, in one line; None if it can."""
    if os.geteuid() != 0:
        return "the test cluster needs root: its daemons start jobs, and its configuration lies in /etc/slurm"
    if CONF.exists() and not _is_ours():
        return f"{CONF} is another Slurm's and is left alone; use a machine or container without one"
    if _missing() and shutil.which("apt-get") is None:
        return f"{', '.join(_missing())} missing and no apt-get to install them; install Slurm and munge first"
    return None


def running() -> bool:
    """Whether the test cluster is up."""
    return _is_ours() and shutil.which("sinfo") is not None and _idle_nodes() is not None


def start() -> None:
    """Start the cluster and wait for its nodes; what an earlier one left behind is cleared away."""
    if reason := refusal():
        raise NoClusterError(reason)
    if running():
        raise NoClusterError(f"the test cluster runs already, see {HOME}; use it, or stop it first")
    _install()
    stop()
    try:
        _write_files()
        _begin_daemons()
    except BaseException:
        stop()
        raise


def stop() -> None:
    """End the cluster's jobs and daemons and remove all that it wrote; nothing happens where there is none."""
    if not _is_ours():
        return
    if running():
        subprocess.run(["scancel", f"--user={os.getuid()}"], check=False, capture_output=True)
        _wait(lambda: not _answer("squeue", "--noheader"), _STOP_SECONDS)
    # what was started last ends first: slurmd tells the controller, and both need munge
    pids = [(int(file.read_text()), file.stem) for file in sorted(HOME.glob("*.started"), reverse=True)]
    for pid, name in pids:
        if _alive(pid, name):
            os.kill(pid, signal.SIGTERM)
            if not _wait(lambda pid=pid, name=name: not _alive(pid, name), _STOP_SECONDS):
                os.kill(pid, signal.SIGKILL)
    shutil.rmtree(HOME, ignore_errors=True)
    GRES.unlink(missing_ok=True)
    CONF.unlink(missing_ok=True)
    with suppress(OSError):  # if it was not there before
        CONF.parent.rmdir()


@contextmanager
def only_one() -> Iterator[None]:
    """Held by who uses the cluster; others wait. The lock is on the folder of `HOME`, so no file of it is left."""
    folder = os.open(HOME.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting: another process uses the test cluster", file=sys.stderr, flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _missing() -> list[str]:
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def _install() -> None:
    if missing := _missing():
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            done = subprocess.run(["apt-get", *words], env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NoClusterError(f"apt-get {' '.join(words)} failed: {done.stderr.strip().splitlines()[-1:]}")


def _is_ours() -> bool:
    return CONF.is_file() and CONF.read_text(encoding="utf-8").startswith(SIGNATURE)


def _write_files() -> None:
    CONF.parent.mkdir(exist_ok=True)
    template = Path(__file__).with_name("slurm.conf").read_text(encoding="utf-8")
    settings = template.format(host=socket.gethostname().split(".")[0], home=HOME, gpus=GPUS)
    CONF.write_text(f"{SIGNATURE}\n{settings}", encoding="utf-8")
    HOME.mkdir(mode=0o755)
    for number in range(GPUS):
        (HOME / f"gpu{number}").symlink_to("/dev/zero")  # Slurm wants devices
    GRES.write_text(f"{SIGNATURE}\nName=gpu Type=pretend File={HOME}/gpu[0-{GPUS - 1}]\n", encoding="utf-8")
    (HOME / "state").mkdir()
    keys = HOME / "munge"
    keys.mkdir(mode=0o700)
    (keys / "key").touch(mode=0o600)
    (keys / "key").write_bytes(os.urandom(1024))


def _begin_daemons() -> None:
    keys = [f"--key-file={HOME}/munge/key", f"--seed-file={HOME}/munge/seed", f"--log-file={HOME}/munge/log"]
    places = [f"--socket={HOME}/munge.socket", f"--pid-file={HOME}/munge/pid"]
    _begin(0, "munged", "--foreground", *keys, *places)
    if not _wait((HOME / "munge.socket").is_socket, _START_SECONDS):
        raise NoClusterError(f"munged does not start: {(HOME / 'munged.out').read_text().strip()}")
    _begin(1, "slurmctld", "-D")
    for number, node in enumerate(NODES, start=2):
        _begin(number, "slurmd", "-D", "-N", node)
    if not _wait(lambda: _idle_nodes() == set(NODES), _START_SECONDS):
        raise NoClusterError(f"Slurm does not start; its nodes are:\n{_answer('sinfo', '--list-reasons') or 'unknown'}")


def _begin(number: int, program: str, *options: str) -> None:
    """Start a daemon in a session of its own, so that it outlives the shell; its pid is in `<n>-<program>.started`."""
    with (HOME / f"{program}.out").open("ab") as said:
        process = subprocess.Popen(
            [program, *options], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    (HOME / f"{number}-{program}.started").write_text(str(process.pid))


def _alive(pid: int, name: str) -> bool:
    """Whether the process is there and the daemon that `name` says; numbers of processes are used again."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return f"({name.split('-')[1]})" in status and ") Z " not in status


def _idle_nodes() -> set[str] | None:
    """Nodes that take jobs; None if no controller answers."""
    said = _answer("sinfo", "--noheader", "--Node", "--format=%N %T")
    if said is None:
        return None
    rows = [line.split() for line in said.splitlines()]
    return {node for node, state in rows if state in ("idle", "mixed", "allocated", "completing")}


def _answer(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _wait(is_so: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def main(words: list[str]) -> int:
    """The command line; returns the exit code."""
    match words:
        case ["start"]:
            with only_one():
                start()
            print(_answer("sinfo", "--Node", "--long"))
        case ["stop"]:
            with only_one():
                stop()
        case ["run" | "try" as how, *command] if command:
            with only_one():
                try:
                    start()
                except NoClusterError as error:
                    if how == "run":
                        raise
                    print(f"nothing was run on a cluster: {error}", flush=True)
                    return 0
                try:
                    return subprocess.run(command, check=False).returncode
                finally:
                    stop()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except NoClusterError as error:
        print(f"no test cluster: {error}", file=sys.stderr)
        sys.exit(2)
