"""Find the scripts in Slurm's spool directories, and read them without being led astray."""

import codecs
import contextlib
import errno
import os
import re
import stat
import time
from typing import NamedTuple

from userportal.slurm.jobset import HIGHEST_JOB_ID

HASH_DIRECTORIES = 10  # {spool}/hash.N/job.ID, N the last digit of ID; older: {spool}/job.ID
DIRECTORY_NAME = re.compile(r"job\.([1-9][0-9]{0,9})")
SCRIPT_NAME = "script"
# Slurm ends a script with NUL; one without, and so young, may be half written yet.
SETTLE_SECONDS = 1.0
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
BYTES_PER_CHARACTER = 4  # of UTF-8, at the most
UNSETTLED = object()
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)  # gone, or no file: a link


class Scan(NamedTuple):
    """What one look at the spool found."""

    places: dict  # job id -> the hash directory, "" for the spool itself
    is_whole: bool  # False: a part of it could not be read


def scan(spool):
    """Return the Scan of a spool directory: also of jobs whose script is not there yet.

    Raises OSError if the directory itself cannot be read.
    """
    places, is_whole = dict.fromkeys(found_in(spool), ""), True
    for number in range(HASH_DIRECTORIES):
        name = f"hash.{number}"
        try:
            in_hash = found_in(spool / name)
        except FileNotFoundError:
            continue
        except OSError:
            is_whole = False
            continue
        places.update(dict.fromkeys(in_hash, name))
    return Scan(places, is_whole)


def found_in(directory):
    """Return the ids of the job directories in one directory. Raises OSError."""
    matches = (DIRECTORY_NAME.fullmatch(name) for name in os.listdir(directory))  # noqa: PTH208
    numbers = (int(match.group(1)) for match in matches if match)
    return [number for number in numbers if number <= HIGHEST_JOB_ID]


def read_script(spool, hash_name, job_id, most_characters):
    """Return the text of a job's script; see read_from."""
    return read_from(spool / hash_name, f"job.{job_id}", SCRIPT_NAME, most_characters)


def read_from(parent, directory, name, most_characters, settle_seconds=SETTLE_SECONDS):
    """Return the text of parent/directory/name, or None if there is no file with something in it.

    UNSETTLED if it may still be written to. What is no regular file is none, links are not
    followed; parent itself may be reached by a link. Raises OSError for a file that cannot be read.
    """
    try:
        with closing_descriptor(os.open(parent / directory, DIRECTORY_FLAGS)) as folder:
            descriptor = os.open(name, FILE_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno in NOT_THERE:
            return None
        raise
    with closing_descriptor(descriptor):
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None
        most_bytes = most_characters * BYTES_PER_CHARACTER
        raw = read_bytes(descriptor, most_bytes + 1)
    is_cut = len(raw) > most_bytes
    is_young = 0 <= time.time() - status.st_mtime < settle_seconds
    if is_young and not is_cut and not raw.endswith(b"\0"):
        return UNSETTLED
    return script_text(raw[:most_bytes], most_characters, is_cut)


def read_bytes(descriptor, most_bytes):
    """Return what can be read, up to a number of bytes."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read(most_bytes)


def script_text(raw, most_characters, is_cut=False):
    r"""Return a script's bytes as text of so many characters at the most.

    NULs are left out; bytes that are not UTF-8 become \xNN. is_cut: raw ends anywhere, and of a
    character whose bytes are not all there nothing is kept.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    return decoder.decode(raw, final=not is_cut).replace("\0", "")[:most_characters]


@contextlib.contextmanager
def closing_descriptor(descriptor):
    """Give the block a file descriptor, and close it afterwards."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)
