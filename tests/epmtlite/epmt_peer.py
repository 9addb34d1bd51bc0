"""EPMT itself, installed from PyPI in an environment of its own, for tests to compare with.

    peer = Peer(require_peer(), scratch_directory, database_url="sqlite:////…/peer.db")
    peer.run("submit", archive)               # epmt of EPMT; its CompletedProcess
    peer.shown("4711")                        # what it shows about a job
    peer.ask("import epmt.epmt_query as q; answer = q.get_jobs(fmt='terse')")

The environment is made once for a user of a machine, in $HPCUSAGE_TEST_CACHE, else in
$XDG_CACHE_HOME/hpcusage-tests, else in ~/.cache/hpcusage-tests. It takes 230 MB.
"""

import contextlib
import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import pytest

VERSION = "5.0.1"
PYTHONS = ((3, 11), (3, 10))  # EPMT 5.0.1 wants at least 3.10 and less than 3.12

# What its commands for collecting, storing and asking need, with the versions that it asks for.
# The libraries of its analysis and of its dashboard are several times as big.
REQUIREMENTS = (
    "numpy==1.26.4", "pandas==1.5.3", "SQLAlchemy==1.4.54", "alembic", "psycopg2-binary",
    "py-cpuinfo", "pytz", "six",
)  # fmt: skip
PIP_OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2")
INSTALL_SECONDS = 900

# EPMT has its settings in its package, and /tmp for all that it writes: here it is its HOME.
SETTINGS = """import os

_place = os.environ["HOME"]
epmt_output_prefix = _place + "/jobs/"
logfile = _place + "/epmt.log"
error_dest = _place
ingest_failed_dir = _place
stage_command_dest = _place
"""

ASKED = """
import json, sys
{script}
json.dump(answer, sys.stdout, default=str)
"""

# What EPMT's own functions say about a job, its process tree included.
SHOWN = """
import epmt.epmt_query as query
jobid = sys.argv[1]
(job,) = query.get_jobs([jobid], fmt="dict")
query.compute_process_trees([jobid])
processes = query.get_procs([jobid], fmt="dict") if job.get("num_procs") else []
stored = query.get_procs([jobid], fmt="orm") if processes else []
threads = [{"process_pk": one.id, **thread} for one in stored for thread in one.threads_df]
answer = {"job": job, "processes": processes, "threads": threads}
"""


class PeerMissing(Exception):
    """EPMT cannot be had on this machine; the text says why."""


class PeerFailed(Exception):
    """A script that uses EPMT failed; the text is what it wrote."""


class Peer:
    """EPMT with one database and a scratch directory that is its HOME.

    Jobs that it collects are in `jobs/USER/ID` of that directory. Its commands have no variables
    but PATH, those named here, and those of `environment`, for instance EPMT_TZ.
    """

    def __init__(
        self,
        installation: Path,
        place: Path,
        database_url: Optional[str] = None,
        environment: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Make the directory; the database is by default an SQLite file in it."""
        self.installation, self.place = installation, Path(place)
        self.python = installation / "bin" / "python"
        (self.place / "tmp").mkdir(parents=True, exist_ok=True)
        self.database_url = database_url or f"sqlite:///{self.place.resolve()}/peer.db"
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self.place.resolve()),
            "TMPDIR": str(self.place.resolve() / "tmp"),
            "EPMT_DB_URL": self.database_url,
            **(environment or {}),
        }

    def command(self, *arguments: object) -> list[str]:
        """Return the command line of EPMT, for who starts it by other means than run."""
        return [str(self.installation / "bin" / "epmt"), *map(str, arguments)]

    def run(self, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run EPMT; return its CompletedProcess, whatever its status.

        Options are those of subprocess.run; `env` is added to the environment of the Peer.
        """
        return self._call(self.command(*arguments), options)

    def ask(self, script: str, *arguments: object, **options: Any) -> Any:
        """Run Python of EPMT's environment that sets `answer`; return it, as JSON has it.

        The arguments are `sys.argv[1:]` there. Raises PeerFailed if the script fails.
        """
        words = [str(self.python), "-c", ASKED.format(script=script), *map(str, arguments)]
        done = self._call(words, options)
        if done.returncode != 0:
            raise PeerFailed(done.stderr)
        return json.loads(done.stdout)

    def shown(self, jobid: str) -> "dict[str, Any]":
        """Return what EPMT shows about a job: `job`, `processes` and `threads`, as JSON has them.

        It finds sums and process tree only now.
        """
        found: dict[str, Any] = self.ask(SHOWN, jobid)
        return found

    def _call(
        self, words: Sequence[str], options: "dict[str, Any]"
    ) -> "subprocess.CompletedProcess[str]":
        options = {"cwd": self.place, "stdin": subprocess.DEVNULL, "text": True, **options}
        environment = {**self.environment, **options.pop("env", {})}
        return subprocess.run(words, capture_output=True, check=False, env=environment, **options)


def require_peer() -> Path:
    """Return the directory of EPMT's environment; skip the test with the reason if there is none.

    Also where HPCUSAGE_REQUIRE_SERVICES is set: who has no network cannot install it.
    """
    try:
        return installed_peer()
    except PeerMissing as missing:
        pytest.skip(str(missing))


def installed_peer() -> Path:
    """Return the directory of EPMT's environment, which is made if it is not there yet.

    Raises PeerMissing if it cannot be made.
    """
    directory, reason = _installed_or_reason()
    if directory is None:
        raise PeerMissing(f"EPMT {VERSION} cannot be installed: {reason}")
    return directory


@functools.cache
def _installed_or_reason() -> tuple[Optional[Path], str]:
    """Install at most once in this process: a failure can take minutes where nothing answers."""
    try:
        cache = cache_directory()
        with _locked(cache / f"epmt-{VERSION}.lock"):
            directory = cache / f"epmt-{VERSION}"
            if not _is_complete(directory):
                _install(directory)
            return directory, ""
    except (PeerMissing, OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return None, str(error)


def cache_directory() -> Path:
    """Return the directory for what tests keep, which is made."""
    named = os.environ.get("HPCUSAGE_TEST_CACHE")
    general = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(named) if named else Path(general, "hpcusage-tests")
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process installs."""
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _marker_text() -> str:
    return "\n".join((VERSION, *REQUIREMENTS, SETTINGS))


def _is_complete(directory: Path) -> bool:
    """Tell whether an installation ended, is of this list, and its Python is still there."""
    marker = directory / "complete"
    return (
        marker.is_file()
        and marker.read_text() == _marker_text()
        and os.access(directory / "bin" / "python", os.X_OK)
    )


def _install(directory: Path) -> None:
    """Make the environment; the marker is written last, so that half of one is made anew."""
    shutil.rmtree(directory, ignore_errors=True)
    _checked(_find_python(), "-m", "venv", str(directory))
    python = str(directory / "bin" / "python")
    pip = (python, "-m", "pip", "install", *PIP_OPTIONS)
    _checked(*pip, "--no-deps", f"epmt=={VERSION}")
    _checked(*pip, *REQUIREMENTS)
    (package,) = directory.glob("lib/python*/site-packages/epmt")
    (package / "settings.py").write_text(SETTINGS)
    answer = Peer(directory, directory / "first").run("-V")
    if VERSION not in answer.stdout:
        raise PeerMissing(f"it does not run: {answer.stderr}")
    (directory / "complete").write_text(_marker_text())


def _checked(*words: str) -> None:
    """Run a command of the installation; raises PeerMissing with its error if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env=environment, timeout=INSTALL_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
        raise PeerMissing(errors[0] if errors else f"{words} ended with {done.returncode}")


def _find_python() -> str:
    """Return a Python that EPMT runs on and that can make environments.

    Raises PeerMissing if there is none.
    """
    for version in PYTHONS:
        name = "python{}.{}".format(*version)
        managed = sorted(Path.home().glob(".pyenv/versions/{}.{}.*/bin/python".format(*version)))
        for python in (sys.executable, shutil.which(name), f"/usr/bin/{name}", *managed):
            if python and _suits(str(python), version):
                return str(python)
    wanted = " or ".join("{}.{}".format(*version) for version in PYTHONS)
    raise PeerMissing(f"it wants Python {wanted} with ensurepip and sqlite3, and none is here")


def _suits(python: str, version: tuple[int, int]) -> bool:
    program = (
        "import ensurepip, sqlite3, sys, venv;"
        f" sys.exit(sys.version_info[:2] != ({version[0]}, {version[1]}))"
    )
    try:
        done = subprocess.run([python, "-c", program], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0
