"""Find the wheels that a release needs on one version of Python, and fetch them."""

import os
import subprocess
import sys
from pathlib import Path

MACHINE = "x86_64"
# The C library 2.N of the oldest machines: 17 is CentOS 7, 28 is RHEL 8.
OLDEST_GLIBC_MINOR = 17
# Some wheels refuse the first patch levels of a Python, which no distribution has any more.
LAST_PATCH_LEVEL = 99


class NeedError(Exception):
    """No wheels fit together, or they cannot be had; the text is what the tool says."""


def resolve(requirements, version, glibc_minor=OLDEST_GLIBC_MINOR):
    """Return lines NAME==VERSION of what the requirements need on that Python, such as 3.9, sorted.

    uv does it, for it evaluates the conditions of requirements for that Python; pip does so for the
    one that runs it. Raises NeedError.
    """
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate",
        "--only-binary", ":all:", "--python-version", version,
        "--python-platform", f"{MACHINE}-manylinux_2_{glibc_minor}", "-",
    ]  # fmt: skip
    environment = dict(os.environ)
    if "PIP_INDEX_URL" in environment:  # a site's mirror
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    return run(command, "\n".join(requirements), environment).split()


def fetch(pins, version, directory, glibc_minor=OLDEST_GLIBC_MINOR):
    """Download the wheels of those lines into a directory, whichever Python runs this.

    Raises NeedError.
    """
    platforms = [f"manylinux_2_{minor}" for minor in range(glibc_minor, 4, -1)]
    platforms += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
    run([
        sys.executable, "-m", "pip", "--quiet", "--no-input", "download", "--no-deps",
        "--dest", str(directory), "--only-binary=:all:", "--implementation", "cp",
        "--python-version", f"{version}.{LAST_PATCH_LEVEL}",
        *(word for name in platforms for word in ("--platform", f"{name}_{MACHINE}")), *pins,
    ])  # fmt: skip


def build(tree, directory):
    """Build the source archive of a tree, and the wheel of that archive, into a directory.

    Returns their two paths. Raises NeedError.
    """
    run([sys.executable, "-m", "build", "--outdir", str(directory), str(tree)])
    (source,) = Path(directory).glob("*.tar.gz")
    (wheel,) = Path(directory).glob("*.whl")
    return source, wheel


def run(command, text=None, environment=None):
    """Run a command and return what it prints. Raises NeedError with all it says if it fails."""
    done = subprocess.run(
        command, input=text, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NeedError("\n".join(part for part in (done.stdout, done.stderr) if part.strip()))
    return done.stdout
