"""Run the tests on every Python that is supported, with old libraries too; those that need a
server on the oldest alone, and few of them.

Usage: run_versions.py SCRATCH_DIRECTORY [VERSION...]

The oldest Pythons get the lowest versions of the libraries that setup.cfg allows, the others the
newest. What takes long runs on the oldest alone, or on none of them; the oldest and the newest run
every tool, those between them some each. The Python that runs this is left out: all tests run
on that. Job collection, which needs the standard library alone, is tested from Python 3.6 on.
"""

from __future__ import annotations

import concurrent.futures
import configparser
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
COLLECTION_VERSIONS = ("3.6",)  # the oldest; what comes from 3.9 on has it among its tests
TOOLS = ("hypothesis", "pytest", "requests", "trustme")
# The lowest pandas and scikit-learn were built for the numpy of their time.
BESIDE_LOWEST = ("numpy < 2",)
LEFT_OUT = ("jupyterlab",)  # only its test needs it

PLACES = ("tests/lmodtrack", "tests/xaltload", "tests/afcollect", "tests/epmtlite")
PORTAL_PLACES = (
    "tests/userportal/analysis", "tests/userportal/report",
    "tests/userportal/test_configuration.py", "tests/userportal/test_every_page.py",
)  # fmt: skip
LIBRARY_PLACES = tuple(
    f"tests/usagedb/test_{name}.py"
    for name in ("ahead", "dates", "days", "mounts", "rejects", "source")
)
NOWHERE = (
    "tests/epmtlite/collect/test_following.py", "tests/epmtlite/collect/test_privileges.py",
    "tests/epmtlite/collect/test_torture*", "tests/epmtlite/daemon/*", "tests/epmtlite/gui/*",
    "tests/epmtlite/plot/test_browser.py", "tests/epmtlite/test_epmt_peer.py",
    "tests/epmtlite/test_memory.py", "tests/epmtlite/test_notebook.py", "*/test_faults.py",
    "*/test_fault_points.py",
)  # fmt: skip
# Whole commands, hundreds of times, that show little of a Python or a library.
SLOW = tuple(
    f"tests/{name}.py"
    for name in (
        "afcollect/test_collector", "afcollect/test_condor", "afcollect/test_slurm",
        "epmtlite/test_list", "epmtlite/test_rejects", "epmtlite/test_submit",
        "epmtlite/test_takeover", "lmodtrack/test_report",
    )
)  # fmt: skip
# The same, where old libraries may show: on the oldest Python alone.
THOROUGH = tuple(
    f"tests/{name}.py"
    for name in (
        "afcollect/test_jupyter", "afcollect/test_sending", "epmtlite/test_multivariate",
        "epmtlite/test_outliers_command", "epmtlite/test_refmodel_command",
        "epmtlite/test_refmodels",
    )
)  # fmt: skip
WITHOUT_SERVERS = "not mysql and not postgresql and not server"
# What shows that the lowest drivers do: connections, all kinds of statements, a load.
DRIVER_PLACES = (
    "tests/usagedb/test_database.py", "tests/usagedb/test_dialects.py",
    "tests/usagedb/test_mysql_accounts.py", "tests/lmodtrack/test_load.py",
)  # fmt: skip
WITH_SERVERS = "mysql or postgresql"


@dataclass(frozen=True)
class Case:
    """One Python to test on."""

    version: str
    lowest: bool = False  # the lowest versions of the libraries
    thorough: bool = False
    places: tuple[str, ...] = PLACES
    has_portal: bool = True
    has_servers: bool = False


CASES = (
    # Django 5.2 needs 3.10.
    Case("3.9", lowest=True, thorough=True, has_portal=False, has_servers=True),
    Case("3.13"),
    Case("3.10", lowest=True, places=("tests/epmtlite",)),  # most of the libraries are for it
    Case("3.11"),
    Case(
        "3.12",
        has_portal=False,
        places=("tests/lmodtrack", "tests/xaltload", "tests/afcollect"),
    ),  # fmt: skip
)


def main(scratch: str, *versions: str) -> int:
    """Test on the named versions, or on all; return 0, or 1 if something failed or is missing."""
    own = "{}.{}".format(*sys.version_info)
    chosen = [case for case in CASES if case.version in (versions or {c.version for c in CASES})]
    work = [(run_case, case, Path(scratch)) for case in chosen if case.version != own]
    work += [
        (run_collection, version, Path(scratch))
        for version in COLLECTION_VERSIONS
        if version in (versions or COLLECTION_VERSIONS)
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = [pool.submit(*one) for one in work]
        return max([one.result() for one in results], default=0)


def run_case(case: Case, scratch: Path) -> int:
    """Test everything on one Python; return 0 or 1."""
    python = find_python(case.version)
    if python is None:
        return missing(case.version)
    output = scratch / f"versions-{case.version}.out"
    with output.open("w") as log:
        pytest = [make_environment(case, python, scratch, log) / "bin/python", "-m", "pytest", "-q"]
        pytest += ["-p", "no:cacheprovider"]
        status = call([*pytest, *options(case)], log)
        if case.has_servers:
            status = max(status, call([*pytest, "-k", WITH_SERVERS, *DRIVER_PLACES], log))
    tell(f"Python {case.version}, {'lowest' if case.lowest else 'newest'} libraries", output)
    return min(status, 1)


def options(case: Case) -> list[str]:
    """Return pytest's arguments."""
    left_out = NOWHERE + SLOW + (() if case.thorough else THOROUGH)
    places = case.places + LIBRARY_PLACES + (PORTAL_PLACES if case.has_portal else ())
    ignored = [f"--ignore-glob={CHECKOUT / pattern}" for pattern in left_out]
    return ["-k", WITHOUT_SERVERS, *ignored, *places]


def make_environment(case: Case, python: str, scratch: Path, log) -> Path:
    """Make a virtual environment with the libraries, if there is none; return its directory.

    Raises CalledProcessError if that fails.
    """
    directory = scratch / f"python-{case.version}"
    if not (directory / "complete").exists():
        subprocess.run([python, "-m", "venv", directory], check=True, stdout=log, stderr=log)
        install = [directory / "bin/python", "-m", "pip", "install", "-q"]
        wanted = [*requirements(case), *TOOLS]
        subprocess.run([*install, *wanted], check=True, stdout=log, stderr=log)
        (directory / "complete").touch()
    return directory


def requirements(case: Case) -> list[str]:
    """Return what setup.cfg asks for: as it stands, or of each the lowest that it allows."""
    metadata = configparser.ConfigParser()
    metadata.read(CHECKOUT / "setup.cfg")
    extras = metadata["options.extras_require"]
    wanted = ["analysis", "jupyter"]
    wanted += ["portal"] if case.has_portal else []
    wanted += ["mysql8", "postgresql"] if case.has_servers else []
    groups = [metadata["options"]["install_requires"], *(extras[name] for name in wanted)]
    lines = [line for group in groups for line in group.split("\n") if line.strip()]
    found = [line for line in lines if not line.startswith(LEFT_OUT)]
    if not case.lowest:
        return found
    # An extra of ours may ask for more than its neighbour does: the higher one is the lowest.
    floors = {name_of(line): lowest(line) for line in found}
    return [*floors.values(), *BESIDE_LOWEST]


def name_of(requirement: str) -> str:
    """Return the name of a library."""
    return re.split(r"[ <>=;\[]", requirement, maxsplit=1)[0]


def lowest(requirement: str) -> str:
    """Return the requirement of just the lowest version.

    >>> lowest('Django >= 5.2, < 6; python_version >= "3.10"')
    'Django == 5.2'
    """
    return re.sub(r">= *([\d.]+).*", r"== \1", requirement)


def run_collection(version: str, scratch: Path) -> int:
    """Test the collection of jobs on one Python; return 0 or 1."""
    if find_python(version) is None:
        return missing(version)
    output = scratch / f"versions-{version}.out"
    with output.open("w") as log:
        status = call(["make", f"check-python-{version}"], log)
    tell(f"Python {version}, collection of jobs", output)
    return min(status, 1)


def missing(version: str) -> int:
    """Say that a Python is missing; where all services are required that is a failure."""
    print(f"no Python {version} here: not tested on it", flush=True)
    return int(os.environ.get("HPCUSAGE_REQUIRE_SERVICES") == "1")


def find_python(version: str) -> str | None:
    """Return the path of an interpreter, None if there is none."""
    found = subprocess.run(
        [CHECKOUT / "tests/find_python.sh", version], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


def call(command: list, log) -> int:
    """Run a command in the checkout; return its exit code."""
    # What is asked here is what a Python and its libraries do, not how commands start.
    environment = {**os.environ, "HPCUSAGE_FORK_ALL": "1"}
    done = subprocess.run(
        command, cwd=CHECKOUT, stdout=log, stderr=log, check=False, env=environment
    )
    return done.returncode


def tell(title: str, output: Path) -> None:
    """Print what a run printed, in one piece, and remove the file."""
    print(f"== {title}\n{output.read_text()}", flush=True)
    output.unlink()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
