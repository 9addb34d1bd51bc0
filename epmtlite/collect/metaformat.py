"""The bytes of a job's metadata: JSON, or the pickle of EPMT, told by how they begin.

In memory metadata are a dictionary of texts, numbers, None, lists, dictionaries and datetimes.
In JSON a datetime is {"__datetime__": ISO 8601}, with the offset of its zone or, as old files
have it, without.
"""

import datetime
import json
import re

from epmtlite.collect import errors, pickles
from epmtlite.collect.texts import storable

MOST_BYTES = 8 << 20  # real ones have up to 100 kB, with environments of unusual size some MB
MOST_WEIGHT = 2 * MOST_BYTES  # of one file: characters of texts, and each value as much as
VALUE_WEIGHT = 128  # characters
MOST_SEPARATORS = 1 << 18  # of JSON, also those in texts: so many values it has at most
SEPARATORS = (b",", b"[", b"{")
MOST_DEPTH = 64
TIME_KEY = "__datetime__"
ISO_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{6}))?"
    r"(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?"
)


def loads(raw, name):
    """Return the metadata of the bytes of a file, name for messages.

    Raises MalformedError for what is no dictionary of plain data. Nothing of it is executed.
    """
    try:
        is_json = raw[:64].lstrip()[:1] == b"{"
        value = load_json(raw) if is_json else pickles.loads(raw)
        return plain_dictionary(value)
    except errors.MalformedError as error:
        raise errors.MalformedError(f"{name} cannot be read: {error}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        reason = f"not JSON, or nested too deep ({type(error).__name__})"
        raise errors.MalformedError(f"{name} cannot be read: {reason}") from error


def dumps(metadata, as_pickle=False):
    """Return metadata as the bytes of a file."""
    if as_pickle:
        return pickles.dumps(metadata)
    text = json.dumps(metadata, default=encoded_time, sort_keys=True, indent=1)
    return text.encode() + b"\n"


def is_pickle(raw):
    """Tell whether the bytes of a metadata file are a pickle."""
    return raw[:64].lstrip()[:1] != b"{"


def encoded_time(value):
    """Return a datetime as JSON has it. Raises TypeError for anything else."""
    if not isinstance(value, datetime.datetime):
        raise TypeError(f"{type(value).__name__} is no plain data")
    return {TIME_KEY: value.isoformat()}


def load_json(raw):
    """Return what JSON says, times decoded. Raises ValueError, RecursionError or MalformedError."""
    if sum(map(raw.count, SEPARATORS)) > MOST_SEPARATORS:  # before they are in memory
        raise errors.MalformedError("more values than the metadata of a job have")
    return json.loads(
        raw.decode("utf-8"),
        object_hook=decoded_time,
        parse_int=pickles.integer,
        parse_constant=refused_constant,
    )


def refused_constant(text):
    """Refuse NaN and the infinities, which are no JSON."""
    raise ValueError(f"{text} is no number")


def decoded_time(mapping):
    """Return the datetime that an object of JSON stands for, or the object."""
    if len(mapping) == 1 and isinstance(mapping.get(TIME_KEY), str):
        return parsed_time(mapping[TIME_KEY])
    return mapping


def parsed_time(text):
    """Return the datetime of an ISO 8601 text, naive without an offset. Raises ValueError."""
    match = ISO_TIME.fullmatch(text)
    if not match:
        raise ValueError(f"{text[:40]} is no time")
    *fields, sign, hours, minutes, seconds = match.groups()
    zone = None
    if sign:
        offset = datetime.timedelta(
            hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0)
        )
        zone = datetime.timezone(offset if sign == "+" else -offset)
    year, month, day, hour, minute, second, fraction = (int(field or 0) for field in fields)
    return datetime.datetime(year, month, day, hour, minute, second, fraction, zone)


class Plainness:
    """Makes plain data of what was read, and stops when there is too much of it."""

    def __init__(self):
        self.weight = 0

    def of(self, value, depth=0):
        """Return a value with texts that can be stored, lists for tuples, texts as keys.

        Raises MalformedError for other types, and for too many or too deep ones: a pickle can
        name one value a million times.
        """
        self.weigh(value, depth)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        if isinstance(value, str):
            return storable(value)
        if value is None or isinstance(value, (bool, int, float, datetime.datetime)):
            return value
        if isinstance(value, (list, tuple)):
            return [self.of(one, depth + 1) for one in value]
        if isinstance(value, dict):
            return {
                str(self.of(key, depth + 1)): self.of(one, depth + 1) for key, one in value.items()
            }
        raise errors.MalformedError(f"a value of the type {type(value).__name__}")

    def weigh(self, value, depth):
        """Count a value. Raises MalformedError."""
        self.weight += VALUE_WEIGHT + (len(value) if isinstance(value, (str, bytes)) else 0)
        if self.weight > MOST_WEIGHT or depth > MOST_DEPTH:
            raise errors.MalformedError("too large, or nested too deep")


def plain_dictionary(value):
    """Return metadata as plain data. Raises MalformedError."""
    if not isinstance(value, dict):
        raise errors.MalformedError("it holds no dictionary")
    return Plainness().of(value)
