"""Pack the data of a finished job into an archive and hand it to the site's stage command."""

import contextlib
import itertools
import logging
import os
import shutil
import tempfile
import time

from epmtlite.collect import accounts, concat, destination, errors, locks, metaformat, names
from epmtlite.collect.files import (
    copy_file,
    give_directory,
    open_regular,
    read_whole,
    status_of,
    write_error,
    write_whole,
)
from epmtlite.collect.folder import Folder
from epmtlite.collect.tarball import Writer

logger = logging.getLogger(__name__)

TEMPORARY_PREFIX = "epmt_stage_"
ERROR_KEY = "epmt_stage_error"
ARCHIVE_SUFFIX = ".tgz"
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
    destination.check(settings, os.path.basename(directory) + ARCHIVE_SUFFIX * options.compress)
    with locks.locked(directory) as descriptor:
        try:
            job = Folder(directory, descriptor)
            if names.METADATA not in job.before:
                text = f"{directory} has no {names.METADATA}: the job is not stopped"
                raise errors.MissingError(text)
            with temporary_directory() as folder:
                return hand_over(job, folder, settings, options)
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


def hand_over(job, folder, settings, options):
    """Pack a job in a temporary folder, have it taken away, and return where it is then."""
    owner = owner_of(job, settings)
    joined, bad = collated(job, folder, settings, options)
    files = files_to_pack(job, joined, settings, options)
    described = described_metadata(job, bad, options)
    package = pack if options.compress else copy_all
    path = package(folder, os.path.basename(job.path), described, files, owner)
    for one, _reason in bad:
        concat.copy_bad(one, settings.error_dest, job.open)
    size_bytes = os.stat(path).st_size
    job.check_unchanged()
    target = destination.take_away(settings, path, owner)
    try:
        job.check_unchanged()
    except errors.UnavailableError:
        destination.withdraw(target, size_bytes)
        raise
    remove_packed(job, settings)
    return target


def owner_of(job, settings):
    """Return (uid, gid) of the account whose job it is: what root packs stays with that, and is
    believed no more than its files were.

    Files of root and of accounts that the settings trust are believed of any job, as submit does.
    Raises RefusedError for files of several others, and for those of the trusted that have another
    name: where hard links are not protected a user may have made one of them. Raises
    UnavailableError if nobody can say whether they are trusted.
    """
    own = job.before[names.METADATA]
    if os.geteuid() != accounts.ROOT:
        return own.uid, own.gid
    trusted = {accounts.ROOT, *map(accounts.uid_or_number, settings.trusted_owners)}
    owners: dict = {}
    for name in sorted(job.before):
        state = job.before[name]
        is_strange = state.uid not in trusted and accounts.ANYBODY not in settings.trusted_owners
        if is_strange and is_of_job(name, settings):
            owners.setdefault(state.uid, state.gid)
    if len(owners) > 1:
        text = "{} has files of several accounts, {}: root does not stage it"
        text = text.format(job.path, ", ".join(map(str, sorted(owners))))
        if None in trusted:  # the directory of accounts (such as LDAP) may be away
            text += ", as long as this machine does not know each account of trusted_owners"
            raise errors.UnavailableError(text)
        raise errors.RefusedError(text)
    owner = owners.popitem() if owners else (own.uid, own.gid)
    refuse_links(job, settings, owner[0])
    return owner


def refuse_links(job, settings, uid):
    """Raise RefusedError if a file that would be packed for an account is another one's and has
    another name, too; what is root's then may be anything."""
    for name in sorted(job.before) if uid != accounts.ROOT else ():
        state = job.before[name]
        if state.uid != uid and state.links > 1 and is_of_job(name, settings):
            text = "{} has another owner and another name, too: root does not stage it"
            raise errors.RefusedError(text.format(job.path_of(name)))


def collated(job, folder, settings, options):
    """Join the CSV files of each host; return (paths of the results, [(bad file, reason)])."""
    hosts: dict = {}
    for name in job.before:
        if is_to_join(name, settings, options):
            hosts.setdefault(names.host_of(name), []).append(job.path_of(name))
    results, bad = [], []
    for host in sorted(hosts):
        output = os.path.join(folder, free_name(host, os.path.basename(job.path), job.before))
        done = concat.join(sorted(hosts[host]), output, options.is_strict, job.open)
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


def files_to_pack(job, joined, settings, options):
    """Return (path, what opens it) of the files of the archive: headers first, then data."""
    pattern = settings.input_pattern
    headers = sorted(name for name in job.before if names.is_header(name))
    data = sorted(name for name in job.before if names.is_data(name, pattern))
    whole = [name for name in data if not is_to_join(name, settings, options)]
    own = [(job.path_of(name), job.open) for name in headers + whole]
    return own + [(path, open_regular) for path in joined]


def described_metadata(job, bad, options):
    """Return the bytes of the metadata, with the bad files noted in the annotations."""
    path = job.path_of(names.METADATA)
    with job.open(path) as file:
        raw = read_whole(file, metaformat.MOST_BYTES, path)
    noted, is_pickle = dict(metaformat.loads(raw, path)), metaformat.is_pickle(raw)
    if not bad and is_pickle >= options.as_pickle:
        return raw
    if bad:
        bad_names = str([os.path.basename(one) for one, _reason in bad])
        noted["annotations"] = dict(noted.get("annotations") or {}, **{ERROR_KEY: bad_names})
    return metaformat.dumps(noted, options.as_pickle or is_pickle)


def pack(folder, name, described, files, owner):
    """Write the archive of a job in a folder; return its path."""
    path = os.path.join(folder, name + ARCHIVE_SUFFIX)

    def write(stream):
        with Writer(stream) as archive:
            archive.add_bytes(names.METADATA, described, int(time.time()))
            for file, open_file in files:
                add_file(archive, file, open_file)

    write_whole(path, write, owner=owner)
    return path


def add_file(archive, path, open_file):
    """Add a file to an archive, as long as it is at this moment."""
    with open_file(path) as source:
        status = status_of(source)
        archive.add(os.path.basename(path), status.st_size, source, status.st_mtime)


def copy_all(folder, name, described, files, owner):
    """Write the files of a job into a directory in a folder; return its path."""
    path = os.path.join(folder, name)
    os.mkdir(path, 0o700)
    target = os.path.join(path, names.METADATA)
    write_whole(target, lambda stream: stream.write(described), owner=owner)
    for file, open_file in files:
        copy = os.path.join(path, os.path.basename(file))
        copy_file(file, copy, replace=False, owner=owner, open_file=open_file)
    give_directory(path, *owner)
    return path


def remove_packed(job, settings):
    """Remove the files of a job that are in its archive, and the directory if it is empty then;
    what else is in it stays, with a warning. Raises WriteError."""
    packed = [one for one in job.before if is_of_job(one, settings) or names.is_rest(one)]
    try:
        # The metadata first: of what a run that is killed leaves there is no job to be submitted.
        left = job.remove(sorted(packed, key=lambda name: name != names.METADATA))
    except OSError as error:
        text = f"{job.path} was staged, but cannot be removed: {error.strerror}"
        raise errors.WriteError(text) from error
    if left:
        shown = names.some_of(left, MOST_NAMED)
        logger.warning("%s was staged, but for what stays there: %s", job.path, shown)


def is_of_job(name, settings):
    """Tell whether a file is packed, or joined to what is."""
    is_data = names.is_header(name) or names.is_data(name, settings.input_pattern)
    return name == names.METADATA or is_data
