"""Choose the Python that runs the suite, and see that the machine fits the release."""

import os
import platform
import shutil
import subprocess

from failures import Unsuitable, UsageError

# Says the version, and whether what makes environments is there.
QUESTION = """
import sys
try:
    import venv, ssl, sqlite3
    whole = True
except ImportError:
    whole = False
print("%d.%d" % sys.version_info[:2], sys.implementation.name == "cpython" and whole)
"""


def check_machine(bundle):
    """Raise Unsuitable unless the wheels of a release run on this machine."""
    if platform.machine() != bundle.machine:
        raise Unsuitable(
            f"the archive is for {bundle.machine}, this machine is {platform.machine()}: install"
            " with pip"
        )
    glibc = c_library()
    if glibc and numbers(glibc) < numbers(bundle.glibc):
        raise Unsuitable(
            f"the archive needs the C library {bundle.glibc}, this machine has {glibc}"
        )


def c_library():
    """Return the version of glibc, or "" if it does not say so."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").split()[1]
    except (AttributeError, IndexError, OSError, ValueError):
        return ""


def numbers(version):
    """Return the numbers of a version of Python or of glibc, to be compared."""
    return [int(part) for part in version.split(".") if part.isdigit()]


def choose(bundle, named=None):
    """Return (path, version) of a Python that the release serves: the named one, or the newest.

    Raises UsageError if the named one is none, Unsuitable if there is none.
    """
    served = sorted(bundle.pythons, key=numbers, reverse=True)
    if named:
        path = shutil.which(named)
        version = path and ask(path)
        if version not in bundle.pythons:
            raise UsageError(
                "--python {}: {}; this release is for Python {}".format(
                    named, "it is Python " + version if version else
                    "that is no whole Python (with venv, ssl and sqlite3)",
                    " ".join(reversed(served)),
                )
            )  # fmt: skip
        return path, version
    for name in ["python" + version for version in served] + ["python3"]:
        path = shutil.which(name)
        version = path and ask(path)
        if version in bundle.pythons:
            return path, version
    raise Unsuitable(
        "no Python {} is on PATH: install one (python3.11, with its venv), or name it with"
        " --python".format(" or ".join(reversed(served)))
    )


def ask(path):
    """Return the version of a Python, such as 3.11, or "" if it cannot make environments."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", QUESTION],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
    except OSError:
        return ""
    version, _, whole = done.stdout.decode(errors="replace").strip().partition(" ")
    return version if whole == "True" else ""


def choose_extras(bundle, version, wanted=None):
    """Return the extras to install: the wanted ones, by default all that the Python can have.

    Raises UsageError for one that cannot be had.
    """
    known = bundle.pythons[version]["extras"]
    if wanted is None:
        return list(known)
    chosen = [] if wanted == "none" else [name for name in wanted.split(",") if name]
    for name in chosen:
        if name not in known:
            raise UsageError(
                "--extras {}: for Python {} this archive has {}".format(
                    name, version, ",".join(known) or "none"
                )
            )
    return sorted(set(chosen))
