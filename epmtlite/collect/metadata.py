"""The metadata of a job: begun by start, completed by stop, in the directory of the job."""

import datetime
import logging
import os
import socket
from typing import NamedTuple

from epmtlite.collect import errors, extent, job, metaformat, names, tags
from epmtlite.collect.files import (
    open_regular,
    read_whole,
    remove_if_there,
    write_error,
    write_whole,
)
from epmtlite.collect.locks import locked
from epmtlite.collect.texts import storable

logger = logging.getLogger(__name__)

REQUIRED = (
    "job_pl_id", "job_pl_submit_ts", "job_pl_start_ts", "job_pl_env", "job_el_stop_ts",
    "job_el_exitcode", "job_el_reason", "job_el_env",
)  # fmt: skip
TAGS = "job_tags"
UNKNOWN_NAME = "unknown"
NO_REASON = "none"


class Stored(NamedTuple):
    """Metadata, where they were found, whether as a pickle, and the result of fstat there."""

    metadata: dict
    path: str
    is_pickle: bool
    status: os.stat_result


def read(path):
    """Return the Stored metadata of a file. Raises MissingError, RefusedError, MalformedError."""
    with open_regular(path) as file:
        raw, status = read_whole(file, metaformat.MOST_BYTES, path), os.fstat(file.fileno())
    return Stored(metaformat.loads(raw, path), path, metaformat.is_pickle(raw), status)


def read_current(directory):
    """Return the Stored metadata of a job that was stopped, or else only started.

    Raises MissingError if it is neither, RefusedError or MalformedError.
    """
    for name in (names.METADATA, names.STARTED):
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            return read(path)
    raise errors.MissingError(f"{directory} has no {names.METADATA}: was it started?")


def write(path, metadata, as_pickle=False, like=None):
    """Write metadata whole or not at all, readable by this account; like is that of write_whole.
    Raises WriteError."""
    raw = metaformat.dumps(metadata, as_pickle)
    write_whole(path, lambda stream: stream.write(raw), like=like)


def now():
    """Return the time with the zone of this machine."""
    return datetime.datetime.now().astimezone()


def filtered_environment(settings, environ):
    """Return the variables that are kept: none of the blacklist, none with a leading _."""
    return {
        storable(key): storable(value)
        for key, value in environ.items()
        if not key.startswith("_") and key not in settings.env_blacklist
    }


def start(directory, identity, settings, is_strict=False, as_pickle=False):
    """Begin the metadata of a job in its directory; tell whether that was done now.

    A job that was started or stopped before is left alone, with a warning, or, if is_strict,
    UsageError. Raises WriteError and others.
    """
    with locked(directory):
        for name, text in ((names.METADATA, "complete"), (names.STARTED, "started")):
            if os.path.lexists(os.path.join(directory, name)):
                hint = job.requeued(identity)
                complain(f"job is already {text}: {directory}{hint}", is_strict)
                return False
        moment = now()
        metadata = {
            "job_pl_id": identity,
            "job_pl_submit_ts": moment,
            "job_pl_start_ts": moment,
            "job_pl_env": filtered_environment(settings, os.environ),
            "job_pl_username": job.user_name(),
            "job_pl_hostname": socket.gethostname(),
        }
        write(os.path.join(directory, names.STARTED), metadata, as_pickle)
    return True


def complain(text, is_strict):
    """Warn, or raise UsageError if is_strict."""
    if is_strict:
        raise errors.UsageError(text)
    logger.warning("%s", text)


def is_started(directory):
    """Tell whether a job was started, and not stopped yet."""
    return os.path.lexists(os.path.join(directory, names.STARTED))


def check_not_complete(directory):
    """Raise RefusedError if a job was stopped: what is recorded after that belongs to none."""
    if os.path.lexists(os.path.join(directory, names.METADATA)):
        hint = job.requeued(os.path.basename(directory))
        raise errors.RefusedError(f"the job is already complete: {directory}{hint}")


def stop(
    directory, settings, is_strict=False, as_pickle=False, exit_code=0, reason=NO_REASON,
    wait_seconds=None,
):  # fmt: skip
    """Complete the metadata of a job; tell whether that was done now.

    A job that was stopped before is left alone, as in start. They are a pickle if those of start
    are. Raises MissingError if the job was not started; MalformedError, WriteError and others.
    """
    started, complete = (os.path.join(directory, name) for name in (names.STARTED, names.METADATA))
    with locked(directory, wait_seconds):
        if os.path.lexists(complete):
            remove_if_there(started)  # a stop was killed between the two
            complain(f"job is already complete: {directory}", is_strict)
            return False
        if not os.path.lexists(started):
            raise errors.MissingError(f"job is not started: {directory}")
        stored = read(started)
        metadata = dict(
            stored.metadata,
            **times_of(stored.metadata, directory, settings),
            job_el_exitcode=exit_code,
            job_el_reason=reason,
            job_el_env=filtered_environment(settings, os.environ),
        )
        metadata = checked(metadata, settings)
        write(complete, metadata, as_pickle or stored.is_pickle)
        remove_started(started)
    return True


def times_of(started, directory, settings):
    """Return the start and the stop of a job that stops now, as its metadata have them.

    In a start that is no time stop finds the fault.
    """
    start, stop = started.get("job_pl_start_ts"), now()
    if not isinstance(start, datetime.datetime):
        return {"job_el_stop_ts": stop}
    begin, end = extent.corrected(start, stop, directory, settings.input_pattern)
    submit = started.get("job_pl_submit_ts")
    return {
        "job_pl_start_ts": begin,
        "job_pl_submit_ts": begin if submit == start else submit,
        "job_el_stop_ts": end,
    }


def remove_started(path):
    """Remove the metadata of start. Raises WriteError."""
    try:
        os.unlink(path)
    except OSError as error:
        raise write_error(path, error) from error


def checked(metadata, settings):
    """Return complete metadata with what is derived from them. Raises MalformedError.

    Those that were checked before come back as they are.
    """
    if metadata.get("checked"):
        return metadata
    check_required(metadata)
    begin, end = metadata["job_pl_env"], metadata["job_el_env"]
    derived = {
        "job_pl_username": user_of(metadata, begin),
        "job_jobname": job_name(begin),
        TAGS: metadata[TAGS] if TAGS in metadata else tags.parse(end.get(settings.job_tags_env)),
        "job_env_changes": environment_changes(begin, end),
        "checked": True,
    }
    return dict(metadata, **derived)


def check_required(metadata):
    """Raise MalformedError unless a job was started and stopped, and its values can be so."""
    for key in REQUIRED:
        if metadata.get(key) is None or str(metadata[key]) == "":
            text = f"Could not find {key} in job metadata, job incomplete?"
            raise errors.MalformedError(text)
    kinds = {"_ts": datetime.datetime, "_env": dict, "_exitcode": int}
    for key in REQUIRED:
        for ending, kind in kinds.items():
            if key.endswith(ending) and not isinstance(metadata[key], kind):
                text = f"{key} in job metadata is no {kind.__name__}"
                raise errors.MalformedError(text)
    for key in ("job_pl_env", "job_el_env"):
        if not all(isinstance(value, str) for value in metadata[key].values()):
            raise errors.MalformedError(f"{key} in job metadata holds more than texts")


def user_of(metadata, environment):
    """Return the name of the user. Raises MalformedError if it cannot be known."""
    found = metadata.get("job_pl_username")
    found = found or environment.get("SLURM_JOB_USER") or environment.get("USER")
    if not found:
        raise errors.MalformedError("Could not find job_pl_username in job metadata")
    return str(found)


def job_name(environment):
    """Return the name that the batch system gave the job."""
    found = environment.get("SLURM_JOB_NAME") or environment.get("PBS_JOBNAME")
    if not found:
        logger.info("no job name found, it is %s", UNKNOWN_NAME)
    return found or UNKNOWN_NAME


def environment_changes(begin, end):
    """Return the variables that were added or changed, with their values at the end, and those
    that were removed, with their values at the begin."""
    changes = {key: value for key, value in end.items() if begin.get(key) != value}
    changes.update({key: value for key, value in begin.items() if key not in end})
    return changes
