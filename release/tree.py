"""Copy the sources that a release is made of to a directory of their own."""

import shutil
import subprocess
from pathlib import Path

# Where there is no git, as in an unpacked source archive: what is made here is no source.
MADE = (
    ".*", "__pycache__", "*.pyc", "*.egg-info", "build", "dist", "share", "PKG-INFO",
)  # fmt: skip
KEPT_HIDDEN = {".ci", ".gitignore"}


def copy_sources(checkout, target):
    """Copy the sources of a checkout to a directory that is not there yet.

    Those are the files that git knows, and new ones that it does not ignore; without git all but
    what is made here.
    """
    if (checkout / ".git").exists():
        for name in files_of_git(checkout):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, path, follow_symlinks=False)
    else:
        shutil.copytree(checkout, target, symlinks=True, ignore=made)


def files_of_git(checkout):
    """Return the paths of the sources, those that were deleted left out."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=checkout, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    names = done.stdout.decode().split("\0")
    return sorted({name for name in names if name and (checkout / name).is_file()})


def made(directory, names):
    """Return those names in a directory that are no sources."""
    return {
        name
        for name in names
        if name not in KEPT_HIDDEN and any(Path(name).match(pattern) for pattern in MADE)
    }
