"""Pack the data of a finished job into an archive and hand it to the site's stage command."""

import contextlib
import itertools
import logging
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
import time

from epmtlite.collect import concat, errors, locks, metadata, metaformat, names
from epmtlite.collect.files import (
    copy_file,
    move_into,
    open_directory,
    open_regular,
    read_whole,
    write_error,
    write_whole,
)
from epmtlite.collect.tarball import Writer

logger = logging.getLogger(__name__)

TEMPORARY_PREFIX = "epmt_stage_"
ERROR_KEY = "epmt_stage_error"
ARCHIVE_SUFFIX = ".tgz"
MOVE = ["mv"]  # the default, which is done here: mv itself would replace files
MOST_NAMED = 10  # files that a warning names


class Options:
    """How to stage: is_strict fails on a bad CSV file, collate joins CSV files, compress makes an
    archive, as_pickle writes the metadata for EPMT."""

    def __init__(self, is_strict=False, collate=True, compress=True, as_pickle=False):
        self.is_strict, self.collate = is_strict, collate
        self.compress, self.as_pickle = compress, as_pickle


def stage(directory, settings, options):
    """Stage the directory of a job, delete it, and return the path at the destination.

    Returns "" and does nothing if the settings name no command or no destination. What was packed
    is deleted only after the command has succeeded, and what was not is kept. Raises CollectError
    and others, WriteError if the destination has a file of that name.
    """
    if not settings.stage_command.strip() or not settings.stage_command_dest.strip():
        return ""
    directory = os.path.abspath(directory)
    check_destination(settings, os.path.basename(directory) + ARCHIVE_SUFFIX * options.compress)
    with locks.locked(directory):
        before = snapshot(directory)
        if names.METADATA not in before:
            text = f"{directory} has no {names.METADATA}: the job is not stopped"
            raise errors.MissingError(text)
        try:
            with temporary_directory() as folder:
                return hand_over(directory, before, folder, settings, options)
        except OSError as error:
            raise write_error(directory, error) from error


@contextlib.contextmanager
def temporary_directory():
    """Make a directory of this account alone, and remove it at the end with what is in it."""
    folder = tempfile.mkdtemp(prefix=TEMPORARY_PREFIX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def snapshot(directory):
    """Return {name: (size, time of the last change, uid, gid)} of the regular files in a
    directory."""
    descriptor = open_directory(directory)
    try:
        found = {}
        for name in os.listdir(descriptor):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found[name] = (
                    status.st_size, status.st_mtime_ns, status.st_uid, status.st_gid,
                )  # fmt: skip
        return found
    finally:
        os.close(descriptor)


def hand_over(directory, before, folder, settings, options):
    """Pack a job in a temporary folder, have it taken away, and return where it is then."""
    owner = owner_of(directory, before)
    joined, bad = collated(directory, before, folder, settings, options)
    files = files_to_pack(directory, before, joined, settings, options)
    described = described_metadata(directory, bad, options)
    package = pack if options.compress else copy_all
    path = package(folder, os.path.basename(directory), described, files, owner)
    for one, _reason in bad:
        concat.copy_bad(one, settings.error_dest)
    size = os.stat(path).st_size
    check_unchanged(directory, before)
    target = take_away(settings, path)
    try:
        check_unchanged(directory, before)
    except errors.UnavailableError:
        withdraw(target, size)
        raise
    remove_packed(directory, before, settings)
    return target


def owner_of(directory, before):
    """Return (uid, gid) of the account whose job it is: what root packs stays with that, and is
    believed no more than its files were. Raises RefusedError for files of several accounts."""
    owners = {values[2] for values in before.values()} - {0}
    if os.geteuid() == 0 and len(owners) > 1:
        text = "{} has files of several accounts, {}: root does not stage it"
        raise errors.RefusedError(text.format(directory, ", ".join(map(str, sorted(owners)))))
    _size, _mtime, uid, gid = before[names.METADATA]
    return (owners.pop(), gid) if owners else (uid, gid)


def check_unchanged(directory, before):
    """Raise UnavailableError if the data of a job are still being written."""
    if snapshot(directory) != before:
        text = "{} has changed while it was staged: it is left as it is, stage it again"
        raise errors.UnavailableError(text.format(directory))


def collated(directory, before, folder, settings, options):
    """Join the CSV files of each host; return (paths of the results, [(bad file, reason)])."""
    hosts: dict = {}
    for name in before:
        if is_to_join(name, settings, options):
            hosts.setdefault(names.host_of(name), []).append(os.path.join(directory, name))
    results, bad = [], []
    for host in sorted(hosts):
        output = os.path.join(folder, free_name(host, os.path.basename(directory), before))
        done = concat.join(sorted(hosts[host]), output, options.is_strict)
        results += [done.path] if done.path else []
        bad += done.bad
    return results, bad


def free_name(host, job_id, before):
    """Return the name of the joined file of a host: one that no file of the job has, as one that
    was joined before and is packed beside it."""
    found = (names.collated_name(host, job_id, number) for number in itertools.count())
    return next(name for name in found if name not in before)


def is_to_join(name, settings, options):
    """Tell whether a file comes into the archive as a part of another one only."""
    is_csv = name.endswith(".csv") and names.is_data(name, settings.input_pattern)
    return options.collate and is_csv and concat.COLLATED not in name


def files_to_pack(directory, before, joined, settings, options):
    """Return the paths of the files of the archive: headers first, then data."""
    pattern = settings.input_pattern
    headers = sorted(name for name in before if names.is_header(name))
    data = sorted(name for name in before if names.is_data(name, pattern))
    whole = [name for name in data if not is_to_join(name, settings, options)]
    return [os.path.join(directory, name) for name in headers + whole] + joined


def described_metadata(directory, bad, options):
    """Return the bytes of the metadata, with the bad files noted in the annotations."""
    path = os.path.join(directory, names.METADATA)
    stored = metadata.read(path)
    if not bad and stored.is_pickle >= options.as_pickle:
        with open_regular(path) as file:
            return read_whole(file, metaformat.MOST_BYTES, path)
    noted = dict(stored.metadata)
    if bad:
        listed = str([os.path.basename(one) for one, _reason in bad])
        noted["annotations"] = dict(noted.get("annotations") or {}, **{ERROR_KEY: listed})
    return metaformat.dumps(noted, options.as_pickle or stored.is_pickle)


def pack(folder, name, described, files, owner):
    """Write the archive of a job in a folder; return its path."""
    path = os.path.join(folder, name + ARCHIVE_SUFFIX)

    def write(stream):
        with Writer(stream) as archive:
            archive.add_bytes(names.METADATA, described, int(time.time()))
            for file in files:
                add_file(archive, file)

    write_whole(path, write, owner=owner)
    return path


def add_file(archive, path):
    """Add a file to an archive, as long as it is at this moment."""
    with open_regular(path) as source:
        status = os.fstat(source.fileno())
        archive.add(os.path.basename(path), status.st_size, source, status.st_mtime)


def copy_all(folder, name, described, files, owner):
    """Write the files of a job into a directory in a folder; return its path."""
    path = os.path.join(folder, name)
    os.mkdir(path, 0o700)
    target = os.path.join(path, names.METADATA)
    write_whole(target, lambda stream: stream.write(described), owner=owner)
    for file in files:
        copy_file(file, os.path.join(path, os.path.basename(file)), replace=False)
    return path


def check_destination(settings, base):
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


def take_away(settings, path):
    """Have a file taken to the destination, and return where it is then. Raises CollectError."""
    if command_words(settings) == MOVE:
        move_into(path, settings.stage_command_dest)
    else:
        check_destination(settings, os.path.basename(path))
        run_command(settings, path)
    return os.path.join(settings.stage_command_dest, os.path.basename(path))


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


def withdraw(target, size):
    """Remove an archive that was just staged and lacks what was written meanwhile: it must not be
    in the way of the whole one."""
    try:
        status = os.lstat(target)
        if stat.S_ISREG(status.st_mode) and status.st_size == size:
            os.unlink(target)
        else:
            logger.warning("%s lacks what was written meanwhile: remove it", target)
    except OSError as error:
        logger.info("%s cannot be removed: %s", target, error.strerror)


def remove_packed(directory, before, settings):
    """Remove the files of a job that are in its archive, and the directory if it is empty then;
    what else is in it stays, with a warning. Raises WriteError."""
    descriptor = open_directory(directory)
    try:
        # The metadata first: of what a run that is killed leaves there is no job to be submitted.
        for name in sorted(before, key=lambda name: name != names.METADATA):
            if is_packed(name, settings):
                os.unlink(name, dir_fd=descriptor)
        left = sorted(os.listdir(descriptor))
        if not left:
            os.rmdir(directory)
    except OSError as error:
        text = f"{directory} was staged, but cannot be removed: {error.strerror}"
        raise errors.WriteError(text) from error
    finally:
        os.close(descriptor)
    if left:
        shown = names.some_of(left, MOST_NAMED)
        logger.warning("%s was staged, but for what stays there: %s", directory, shown)


def is_packed(name, settings):
    """Tell whether a file is in the archive, or nothing that anybody needs."""
    is_data = names.is_header(name) or names.is_data(name, settings.input_pattern)
    return name == names.METADATA or is_data or names.is_rest(name)


def command_words(settings):
    """Return the stage command as a list. Raises ConfigurationError."""
    try:
        return shlex.split(settings.stage_command)
    except ValueError as error:
        raise errors.ConfigurationError(f"stage_command: {error}") from error
