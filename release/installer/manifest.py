"""What was installed: written beside it, so that exactly that is removed."""

import contextlib
import json
import os
from pathlib import Path

from failures import Refused, UsageError
from prefix import check_own, home_of
from settings_files import replace

NAME = "manifest.json"
LINKS = {"bin": "current/commands", "share": "current/share"}


class Manifest:
    """The releases of an installation, and its configuration files."""

    def __init__(self, releases=None, conf=None):
        self.releases = releases or {}  # {version: {"python", "extras", "paths"}}
        self.conf = conf or {}  # {name: digest}

    def add(self, prefix, version, python, extras):
        """Record a release that is complete, with all of its files, and those of its modules."""
        home = home_of(prefix, version)
        paths = sorted(str(path.relative_to(prefix)) for path in files_below(home))
        self.releases[version] = {"python": python, "extras": extras, "paths": paths}

    def write(self, prefix):
        """Write it in one step."""
        content = {"releases": self.releases, "conf": self.conf}
        replace(prefix / NAME, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def read(prefix):
    """Return the Manifest of an installation. Raises UsageError if there is none, Refused if
    another account could have written it.
    """
    try:
        data = (prefix / NAME).read_bytes()
        check_own(prefix)
        content = json.loads(data.decode())
        check_names(content["releases"], content["conf"])
        return Manifest(content["releases"], content["conf"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{prefix}: hpcusage is not installed there") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{prefix / NAME}: not as the installer wrote it") from error


def check_names(releases, conf):
    """Raise ValueError unless all that is named is below the install directory."""
    names = [path for release in releases.values() for path in release["paths"]]
    names += [*releases, *(f"conf/{name}" for name in conf)]
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError(name)


def installed_version(prefix):
    """Return the version of the release that is in use, or "" if there is none."""
    try:
        return Path(os.readlink(str(prefix / "current"))).name
    except OSError:
        return ""


def files_below(directory):
    """Yield the paths of the files and links below a directory, and of empty directories."""
    for path in directory.iterdir():
        if path.is_symlink() or not path.is_dir():
            yield path
        elif any(path.iterdir()):
            yield from files_below(path)
        else:
            yield path


def check_directories(prefix, names):
    """Raise Refused if a directory on the way to one of those files is a link: it leads to what the
    installer has not made.
    """
    folders = {parent for name in names for parent in Path(name).parents}
    for folder in sorted(folders - {Path()}):
        if (prefix / folder).is_symlink():
            raise Refused(
                f"{prefix / folder}: a link, and no directory of the installer's: remove it"
            )


def remove_paths(prefix, names):
    """Remove those files below the install directory, what Python has compiled of them, and then
    the directories that are empty. What is not there is passed over. Raises Refused, before
    anything is removed, if one of their directories is a link.
    """
    check_directories(prefix, names)
    folders = set()
    for name in names:
        path = prefix / name
        folders.add(path.parent)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if path.is_dir() and not path.is_symlink():
                folders.add(path)
            else:
                path.unlink()
    for folder in folders:
        remove_compiled(folder)
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        remove_empty(prefix, folder)


def remove_compiled(folder):
    """Remove what Python has compiled of the files of a directory, which are gone."""
    cache = folder / "__pycache__"
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in list(cache.iterdir()):
            source = folder / (path.name.split(".")[0] + ".py")
            if path.suffix == ".pyc" and not source.exists():
                path.unlink()
    with contextlib.suppress(OSError):
        cache.rmdir()


def remove_empty(prefix, folder):
    """Remove a directory and those above it, below the install directory, while they are empty."""
    with contextlib.suppress(OSError):
        while prefix in folder.parents:
            folder.rmdir()
            folder = folder.parent
