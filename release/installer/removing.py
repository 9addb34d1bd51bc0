"""Remove an installation: what was installed, and nothing else."""

import os
from pathlib import Path

import manifest
import modulefiles
from prefix import locked, unmark
from settings_files import digest_of

DATA = ("/etc/hpcusage", "/var/lib/hpcusage", "~/.local/share/hpcusage")


def plan(prefix):
    """Return (paths to remove, names of settings that were changed here) of an installation.

    Raises UsageError if there is none, Refused if its directories are not the installer's.
    """
    record = manifest.read(prefix)
    paths, changed = [], []
    for version, release in sorted(record.releases.items()):
        paths += release["paths"] + modulefiles.names(version)
    for name, digest in sorted(record.conf.items()):
        state = digest_of(prefix / "conf" / name)
        if state == digest:
            paths.append("conf/" + name)
        elif state is not None:
            changed.append("conf/" + name)
    manifest.check_directories(prefix, paths)
    return paths, changed


def uninstall(prefix):
    """Remove an installation, and its directory if nothing is left in it.

    Returns the paths that stay: settings that were changed, and files of others.
    """
    manifest.read(prefix)  # before the lock: there may be no such directory
    with locked(prefix):
        paths, _changed = plan(prefix)
        manifest.remove_paths(prefix, paths)
        for name, target in [("current", None), *manifest.LINKS.items()]:
            path = prefix / name
            if path.is_symlink() and target in (None, os.readlink(str(path))):
                path.unlink()
        unmark(prefix)  # where an installer was killed
        left = sorted(manifest.files_below(prefix))
        left.remove(prefix / manifest.NAME)
        (prefix / manifest.NAME).unlink()  # last: until here it can be done again
        if not left:
            prefix.rmdir()
        return left


def data_places():
    """Return the places of configuration and data that are there, and stay."""
    return [path for path in (Path(name).expanduser() for name in DATA) if path.exists()]
