"""The install directory: which ones will do, who may work in it, and what of it is the suite's."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
from pathlib import Path

from failures import Busy, Refused, UsageError, ignore_signals

# Names end up in shell scripts, crontabs, unit files and first lines of scripts, without quotes.
PLAIN = re.compile(r"/[A-Za-z0-9/._+-]*[A-Za-z0-9_+-]\Z")
# Linux before 5.1 cuts the first line of a script at 127 bytes: #!PREFIX/releases/1.2.3/bin/python3
LONGEST_FIRST_LINE = 127
MARK = ".installing"
OWN_NAMES = ("bin", "share", "current", "releases", "conf", "modulefiles", "manifest.json")


def home_of(prefix, version):
    """Return the directory of one release."""
    return prefix / "releases" / version


def check_name(prefix, version):
    """Raise UsageError unless scripts can be started from a directory of that name."""
    if not PLAIN.match(str(prefix)) or ".." in prefix.parts:
        raise UsageError(
            f"{str(prefix)!a}: letters, digits and / . _ + - only, for the name goes into scripts:"
            " choose another with --prefix"
        )
    too_many = len(f"#!{home_of(prefix, version)}/bin/python3") - LONGEST_FIRST_LINE
    if too_many > 0:
        raise UsageError(
            f"{prefix}: too long by {too_many} characters for the first line of a script: choose"
            " another with --prefix"
        )


def check_empty(prefix):
    """Raise UsageError unless a directory is empty or missing, or what an installer that was
    killed has left; Refused if another account could change what is in it.
    """
    try:
        found = os.lstat(str(prefix))
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{prefix}: not a directory: choose another with --prefix")
    if is_of_others(found):
        raise Refused(
            f"{prefix}: another account owns it or may write there: choose another with --prefix"
        )
    if any(prefix.iterdir()) and not is_leftover(prefix):
        hint = ": it holds an installation, see --upgrade" if is_installed(prefix) else ""
        raise UsageError(f"{prefix}: not empty{hint}; choose another with --prefix")


def is_of_others(status):
    """Tell whether another account than this one could change what is in a directory."""
    return status.st_uid != os.geteuid() or bool(status.st_mode & 0o022)


def check_own(prefix):
    """Raise Refused if another account could change an installation: what it names is removed."""
    if is_of_others(prefix.stat()):
        raise Refused(
            f"{prefix}: another account owns it or may write there: run this as its owner, after"
            f" chmod go-w {prefix}"
        )


def is_installed(prefix):
    """Tell whether the suite is installed in a directory."""
    return (prefix / "manifest.json").is_file()


def is_leftover(prefix):
    """Tell whether all in a directory is what a killed installer has left: no release is in use,
    for that one comes last."""
    names = {path.name for path in prefix.iterdir()}
    return MARK in names and "current" not in names and names <= {MARK, *OWN_NAMES}


def unmark(prefix):
    """Say that an installation is complete."""
    with contextlib.suppress(FileNotFoundError):
        (prefix / MARK).unlink()


@contextlib.contextmanager
def claimed(prefix):
    """Make the directory of a new installation; if what is done in it fails, nothing of it stays.

    Raises UsageError, Refused, or Busy if another installer is at work in it.
    """
    made = make_directories(prefix)
    try:
        with locked(prefix):
            check_empty(prefix)
            try:
                (prefix / MARK).touch()
                remove_own(prefix)  # of an installer that was killed
                yield
                unmark(prefix)
            except BaseException:
                ignore_signals()
                remove_own(prefix)
                unmark(prefix)
                raise
    except BaseException:
        for directory in reversed(made):
            with contextlib.suppress(OSError):
                directory.rmdir()
        raise


def make_directories(prefix):
    """Make a directory with those above it, and return those that were made, the upper first."""
    missing = [one for one in [prefix, *prefix.parents] if not os.path.lexists(str(one))]
    made = []
    for directory in reversed(missing):
        directory.mkdir(0o755)
        made.append(directory)
    return made


@contextlib.contextmanager
def locked(prefix):
    """Let no other installer work in a directory. Raises Busy if one does."""
    descriptor = os.open(str(prefix), os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                text = f"{prefix}: another installer is at work there: try again later"
                raise Busy(text) from error
            # NFS cannot lock a directory: two administrators at once know of each other.
        yield
    finally:
        os.close(descriptor)


def remove_own(prefix):
    """Remove what the installer makes in a directory."""
    for name in OWN_NAMES:
        remove(prefix / name)


def remove(path):
    """Remove a file, a link or a directory with all in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    elif os.path.lexists(str(path)):
        path.unlink()


def switch(link, target):
    """Make a symbolic link lead to a target, at once; if that fails all is as it was."""
    new = link.with_name(link.name + ".new")
    remove(new)
    new.symlink_to(target)
    try:
        new.replace(link)
    except OSError:  # a directory is there
        new.unlink()
        raise


def absolute(text):
    """Return the Path of a text, which does not depend on the current directory."""
    return Path(os.path.abspath(str(Path(text).expanduser())))  # noqa: PTH100  links stay links
