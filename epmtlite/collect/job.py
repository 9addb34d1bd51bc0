"""Which job this is, and where its data are."""

import logging
import os
import pwd
import re
import stat
import unicodedata

from epmtlite.collect import errors

logger = logging.getLogger(__name__)

MOST_NAME_BYTES = 255
DIRECTORY_MODE = 0o700
SHARED_MODE = 0o1777  # as that of /tmp
RESTART_COUNT = "SLURM_RESTART_COUNT"  # how often this job was requeued; unset for never
RUN_SUFFIX = "-r"  # of the id of a later run, before its number
NUMBER = re.compile("[0-9]{1,6}")


def job_id(settings, given=None, environ=None):
    """Return the id of the job: the given one, else that of the batch system's variables.

    Raises UsageError if there is none, or if it cannot be the name of a directory.
    """
    environ = os.environ if environ is None else environ
    found = given or next(
        (environ[name] for name in settings.jobid_env_list if environ.get(name)), None
    )
    if not found:
        text = "no job id: none of {} is set, say --jobid ID".format(
            ", ".join(settings.jobid_env_list)
        )
        raise errors.UsageError(text)
    check_job_id(found)
    return found


def check_job_id(text):
    """Raise UsageError unless a job id can be the name of a directory."""
    has_controls = any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
    if "/" in text or text in ("", ".", "..") or has_controls:
        raise errors.UsageError(f"{text!r} cannot be a job id")
    if len(os.fsencode(text)) > MOST_NAME_BYTES:
        raise errors.UsageError(f"a job id has at most {MOST_NAME_BYTES} bytes")


def requeued(identity):
    """Return what to say behind an error about a job that was there before, "" if Slurm has not
    requeued it: its runs have one number.

    Nothing is done about that unasked: SLURM_RESTART_COUNT of a job is also seen by those that are
    submitted within it, which were never requeued.
    """
    count = os.environ.get(RESTART_COUNT, "")
    if not NUMBER.fullmatch(count) or int(count) == 0 or identity not in own_numbers():
        return ""
    return f" (requeued: --jobid {identity}{RUN_SUFFIX}{count} makes this run a job of its own)"


def own_numbers():
    """Return the numbers that Slurm gave the current job."""
    return [os.environ.get(name) for name in ("SLURM_JOB_ID", "SLURM_JOBID")]


def user_name():
    """Return the name of the account, its number if it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def directory_of(settings, identity):
    """Return the path of a job's directory, which need not exist."""
    return os.path.join(settings.epmt_output_prefix, user_name(), identity)


def existing_directory(settings, identity):
    """Return the path of a job's directory.

    Raises MissingError if there is none, RefusedError if it is not this account's.
    """
    path = directory_of(settings, identity)
    for part in (os.path.dirname(path), path):
        check_owner(part)
    return path


def make_directory(settings, identity):
    """Make a job's directory, if need be, and return its path.

    Raises RefusedError if what is there is not this account's, WriteError if it cannot be made.
    """
    path = directory_of(settings, identity)
    try:
        make_prefix(settings.epmt_output_prefix)
        for part in (os.path.dirname(path), path):
            make_one(part, DIRECTORY_MODE)
            check_owner(part)
    except OSError as error:
        text = f"cannot make the directory {path}: {error.strerror}"
        raise errors.WriteError(text) from error
    return path


def make_prefix(prefix):
    """Make the directory of all accounts' jobs: where everyone may write, for everyone."""
    prefix = os.path.abspath(prefix)
    parent = os.path.dirname(prefix)
    if os.path.isdir(prefix):
        return
    os.makedirs(parent, exist_ok=True)
    is_shared = os.stat(parent).st_mode & SHARED_MODE == SHARED_MODE
    if make_one(prefix, DIRECTORY_MODE) and is_shared:
        os.chmod(prefix, SHARED_MODE)


def make_one(path, mode):
    """Make one directory; tell whether it was not there."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return False
    return True


def check_owner(path):
    """Raise MissingError or RefusedError unless a path is a directory of this account, no link.

    Anybody could have made it before.
    """
    try:
        status = os.lstat(path)
    except OSError as error:
        text = f"there is no directory {path}: was the job started?"
        raise errors.MissingError(text) from error
    if not stat.S_ISDIR(status.st_mode):
        raise errors.RefusedError(f"{path} is not a directory, or is a link")
    if status.st_uid != os.geteuid():
        raise errors.RefusedError(f"{path} belongs to another account")
    if status.st_mode & stat.S_IWOTH:
        raise errors.RefusedError(f"{path} can be written by everyone")
