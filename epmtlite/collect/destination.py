"""Have the site's stage command take away what was packed, and see to it where it arrives."""

import logging
import os
import shlex
import stat
import subprocess

from epmtlite.collect import accounts, errors, names
from epmtlite.collect.files import READ_FLAGS, give, move_into

logger = logging.getLogger(__name__)

MOST_NAMED = 5  # files that a warning names
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
    try:
        run_command(settings, path)
    finally:  # it may have made a copy and fail after that
        if os.geteuid() == accounts.ROOT and owner[0] != accounts.ROOT:
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

    sizes is that of sizes_of. A warning tells what stays root's.
    """
    give_it = give_directory_of if isinstance(sizes, dict) else give_one
    reason = give_it(target, sizes, owner)
    if reason:
        logger.warning("%s stays root's, who is believed of any user: %s", target, reason)


def give_directory_of(path, sizes, owner):
    """Give a directory of root's and its files to an account, {name: size} being those that were
    packed; return why something of it is root's after that, or ''."""
    try:
        directory = os.open(path, READ_FLAGS | os.O_DIRECTORY)
        try:
            reasons = {
                name: give_one(name, sizes.get(name), owner, directory)
                for name in sorted(os.listdir(directory))
            }
            kept = [f"{name} {reason}" for name, reason in reasons.items() if reason]
            if not kept and os.fstat(directory).st_uid == accounts.ROOT:
                give(directory, *owner)
        finally:
            os.close(directory)
    except FileNotFoundError:
        logger.debug("%s is not on this machine", path)
        return ""
    except OSError as error:
        return f"it cannot be given away: {error.strerror}"
    return names.some_of(kept, MOST_NAMED)


def give_one(name, size_bytes, owner, directory=None):
    """Give a file of root's to an account if it has that size and no other name, as only a copy
    that was just made is; return why it is root's after that, or ''."""
    try:
        descriptor = os.open(name, READ_FLAGS, dir_fd=directory)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != accounts.ROOT:
                return ""
            if not stat.S_ISREG(status.st_mode) or status.st_size != size_bytes:
                return "is not what was packed"
            if status.st_nlink != 1:
                return "has another name, too"
            give(descriptor, *owner)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        logger.debug("%s is not on this machine", name)
    except OSError as error:
        return f"cannot be given away: {error.strerror}"
    return ""


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
