"""Have the site's stage command take away what was packed, and see to it where it arrives."""

import logging
import os
import shlex
import stat
import subprocess

from epmtlite.collect import accounts, errors
from epmtlite.collect.files import READ_FLAGS, give, move_into

logger = logging.getLogger(__name__)

MOVE = ["mv"]  # the default, which is done here: mv itself would replace files


def check(settings, base):
    """Raise WriteError if a local destination has a file of that name: no command may replace what
    was staged before. Raises ConfigurationError if mv would make the destination itself a file."""
    destination = settings.stage_command_dest
    if command_words(settings) == MOVE and not os.path.isdir(destination):
        raise errors.ConfigurationError(f"stage_command_dest {destination} is no directory")
    target = os.path.join(destination, base)
    if os.path.lexists(target):
        text = (
            "{} is there already, perhaps of an older job of that id, or of this one before it was"
            " requeued: move it, then stage again"
        )
        raise errors.WriteError(text.format(target))


def take_away(settings, path, owner):
    """Have a file, or a directory of files, taken to the destination, and return where it is then;
    owner is (uid, gid) of whose it is. Raises CollectError."""
    target = os.path.join(settings.stage_command_dest, os.path.basename(path))
    if command_words(settings) == MOVE:
        move_into(path, settings.stage_command_dest)
        return target
    check(settings, os.path.basename(path))
    sizes = sizes_of(path)
    run_command(settings, path)
    if os.geteuid() == accounts.ROOT:
        give_copy(target, sizes, owner)
    return target


def run_command(settings, path):
    """Have the site's command take a file away; no shell reads it. Raises CollectError.

    What the command prints goes to stderr.
    """
    command = command_words(settings) + [path, settings.stage_command_dest]
    try:
        status = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=2)
    except OSError as error:
        text = f"stage_command {command[0]} cannot be run: {error.strerror}"
        raise errors.ConfigurationError(text) from error
    if status:
        text = "stage_command {} ended with status {}: nothing was deleted"
        raise errors.WriteError(text.format(command[0], status))


def command_words(settings):
    """Return the stage command as a list. Raises ConfigurationError."""
    try:
        return shlex.split(settings.stage_command)
    except ValueError as error:
        raise errors.ConfigurationError(f"stage_command: {error}") from error


def sizes_of(path):
    """Return the size of a file in bytes, {name: size} of the files of a directory."""
    if os.path.isdir(path):
        return {name: os.stat(os.path.join(path, name)).st_size for name in os.listdir(path)}
    return os.stat(path).st_size


def give_copy(target, sizes, owner):
    """Give what root's command has put to a destination on this machine to an account: cp makes a
    file of root's of it, and whatever that says of its user would be believed.

    sizes is that of sizes_of. A warning tells what cannot be given.
    """
    is_directory = isinstance(sizes, dict)
    try:
        descriptor = os.open(target, READ_FLAGS | os.O_DIRECTORY * is_directory)
        try:
            for name, size_bytes in sizes.items() if is_directory else ():
                give_one(os.open(name, READ_FLAGS, dir_fd=descriptor), size_bytes, owner)
        finally:
            give_one(descriptor, None if is_directory else sizes, owner)
    except FileNotFoundError:
        logger.debug("%s is not on this machine", target)
    except OSError as error:
        logger.warning("%s stays root's: %s", target, error.strerror)


def give_one(descriptor, size_bytes, owner):
    """Give an open directory of root's to an account, or a file of that size which has no other
    name, as only a copy that was just made is; close it. Raises OSError."""
    try:
        status = os.fstat(descriptor)
        is_copy = stat.S_ISREG(status.st_mode) and status.st_size == size_bytes
        is_own = is_copy and status.st_nlink == 1
        if status.st_uid == accounts.ROOT and (is_own or size_bytes is None):
            give(descriptor, *owner)
    finally:
        os.close(descriptor)


def withdraw(target, size_bytes):
    """Remove an archive that was just staged and lacks what was written meanwhile: it must not be
    in the way of the whole one."""
    try:
        status = os.lstat(target)
        if stat.S_ISREG(status.st_mode) and status.st_size == size_bytes:
            os.unlink(target)
        else:
            logger.warning("%s lacks what was written meanwhile: remove it", target)
    except OSError as error:
        logger.info("%s cannot be removed: %s", target, error.strerror)
