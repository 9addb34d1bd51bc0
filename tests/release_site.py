"""Releases for tests: made of this checkout, of another version too, and installed."""

import os
import subprocess
import sys
from pathlib import Path

from release import __main__ as making
from release import facts, needs, tree
from tests import services
from tests.conftest import CHECKOUT

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# As in cron: no variable leads a command to another database or another Python.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "TERM": "dumb",
    "LC_ALL": "C.UTF-8",
}


def make_release(directory, pythons=(PYTHON,), extras=(), version=None):
    """Make a release in a directory, and return the paths of its files and SHA256SUMS.

    version replaces that of the sources.
    """
    services.require_service("git", modules=["build", "uv", "packaging"])
    sources, scratch = directory / "sources", directory / "scratch"
    tree.copy_sources(CHECKOUT, sources)
    if version:
        for name in ("usagedb/__init__.py", "epmtlite/collect/version.py"):
            path = sources / name
            path.write_text(
                path.read_text().replace(f'"{facts.version(CHECKOUT)}"', f'"{version}"')
            )
    scratch.mkdir()
    try:
        made = making.make(sources, scratch, list(pythons), list(extras), needs.OLDEST_GLIBC_MINOR)
    except needs.NeedError as error:
        services.give_up(f"no release can be made here: {error}")
    making.deliver(made, directory / "dist")
    return Release(directory / "dist", version or facts.version(CHECKOUT))


def delivered_names(version):
    """Return the names of the files that `make release` makes, beside SHA256SUMS."""
    return {f"hpcusage-{version}.tgz", f"hpcusage-{version}.tar.gz", "hpcusage-installer",
            f"hpcusage-{version}-py3-none-any.whl"}  # fmt: skip


class Release:
    """The files of a release."""

    def __init__(self, directory, version):
        self.directory, self.version = directory, version
        self.archive = directory / f"hpcusage-{version}.tgz"
        self.source = directory / f"hpcusage-{version}.tar.gz"
        (self.wheel,) = directory.glob("*.whl")
        self.installer = directory / "hpcusage-installer"

    def command(self, *arguments, python=sys.executable):
        """Return the command line of its installer, run by this Python."""
        return [python, str(self.installer), *map(str, arguments)]

    def run(self, *arguments, python=sys.executable, **options):
        """Run its installer without a terminal, and return the CompletedProcess."""
        return subprocess.run(
            self.command(*arguments, python=python), stdin=subprocess.DEVNULL, text=True,
            capture_output=True, check=False, env=installer_environment(), **options,
        )  # fmt: skip

    def install(self, prefix, *arguments):
        """Install it into a directory, for this Python, and return the directory."""
        done = self.run(self.archive, "--prefix", prefix, "--yes", "--python", sys.executable,
                        *arguments)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return prefix


def installer_environment():
    """Return the variables for an installer: this Python's directory comes first."""
    path = f"{Path(sys.executable).parent}:{ENVIRONMENT['PATH']}"
    return {**ENVIRONMENT, "PATH": path, "HOME": "/nonexistent",
            "TMPDIR": os.environ.get("TMPDIR", "/tmp")}  # fmt: skip


def run_in(directory, *command, **variables):
    """Run an installed command in a directory, and return the CompletedProcess."""
    return subprocess.run(
        [str(part) for part in command], cwd=directory, stdin=subprocess.DEVNULL, text=True,
        capture_output=True, check=False,
        env={**ENVIRONMENT, "HOME": str(directory), **variables},
    )  # fmt: skip


def listing(directory):
    """Return {path: content, or where a link leads} of all below a directory."""
    return {
        str(path.relative_to(directory)): str(path.readlink()) if path.is_symlink()
        else path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
        if path.suffix != ".pyc"
    }  # fmt: skip
