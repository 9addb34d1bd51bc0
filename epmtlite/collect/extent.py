"""When a job began and ended, though its clock was set meanwhile: it spans its processes."""

import datetime
import logging
import os

from epmtlite.collect import errors, names, papiex
from epmtlite.collect.files import listed, open_directory, open_regular

logger = logging.getLogger(__name__)

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# By how much a clock may be set: a record that is farther away has a damaged number.
MOST_STEP = datetime.timedelta(days=1)
TOLD_STEP = datetime.timedelta(minutes=1)  # clocks of nodes differ by less
FIELDS = papiex.FIELDS_V2
START, END = FIELDS - 3, FIELDS - 2  # places of fields in a row of version 2
LONGEST_NUMBER = 18  # digits


def corrected(start, stop, directory, pattern):
    """Return start and stop of a job as its metadata should have them.

    start and stop are what the clock showed. Where it was set back, or clocks of nodes differ,
    processes begin before the job or end after it, or it ends before its start, and no importer
    takes it: so it spans all its processes. pattern is that of data files in directory. A naive
    start stays as it is.
    """
    try:
        begin, end = start.astimezone(), stop.astimezone()
        lowest, highest = min(begin, end) - MOST_STEP, max(begin, end) + MOST_STEP
    except (OverflowError, ValueError, OSError):  # it is no time of these days
        return start, stop
    first, last = extent(directory, pattern, microseconds(lowest), microseconds(highest))
    if first and start.tzinfo:
        begin = min(begin, moment(first))
    latest = max([begin, end] + ([moment(last)] if last else []))
    if max(start.astimezone() - begin, latest - end) > TOLD_STEP:
        logger.warning("the clock was set while the job ran: it is noted from %s to %s",
                       begin.astimezone(stop.tzinfo), latest.astimezone(stop.tzinfo))  # fmt: skip
    return (
        start if start.astimezone() == begin else begin.astimezone(start.tzinfo),
        stop if latest == end else latest.astimezone(stop.tzinfo),
    )


def microseconds(when):
    """Return an aware datetime in microseconds since the epoch."""
    return (when - EPOCH) // datetime.timedelta(microseconds=1)


def moment(number):
    """Return the datetime of that many microseconds since the epoch."""
    return EPOCH + datetime.timedelta(microseconds=number)


def extent(directory, pattern, lowest, highest):
    """Return when the first process of the data files in a directory began and the last one ended,
    in microseconds since the epoch; (None, None) without any between lowest and highest.

    What cannot be read is left out: it is told when the job is stored.
    """
    first = last = None
    for start, end in times(directory, pattern):
        if lowest <= start <= end <= highest:
            first = start if first is None else min(first, start)
            last = end if last is None else max(last, end)
    return first, last


def times(directory, pattern):
    """Yield start and end of each process, as far as they can be read."""
    descriptor = open_directory(directory)
    try:
        for name in data_files(descriptor, directory, pattern):
            try:
                with open_regular(name, descriptor) as file:
                    yield from (times_v2 if names.kind_of(name) == "v2" else times_v1)(file, name)
            except errors.CollectError as error:
                logger.debug("not read: %s", error)
    finally:
        os.close(descriptor)


def data_files(descriptor, directory, pattern):
    """Return the names of the data files in an open directory; none if it cannot be read now."""
    try:
        return [name for name in listed(descriptor, directory) if names.is_data(name, pattern)]
    except errors.CollectError as error:
        logger.debug("not read: %s", error)
        return []


def times_v1(file, name):
    """Yield start and end of each process of a file of version 1. Raises MalformedRecord."""
    for record in papiex.read_v1(papiex.text_lines(file, name), name):
        yield record.start, record.end


def times_v2(file, _name):
    """Yield start and end of each process of a file of version 2, of which only these are looked
    at: a job may have a million of them, and is waited for."""
    for line in iter(lambda: file.readline(papiex.MOST_LINE_CHARACTERS), b""):
        pair = line.split(b"\t", FIELDS - 1)[START : END + 1]
        if len(pair) == 2 and all(one.isdigit() and len(one) <= LONGEST_NUMBER for one in pair):
            yield int(pair[0]), int(pair[1])
