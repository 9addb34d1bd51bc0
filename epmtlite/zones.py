"""The time zone of a job, and moments as numbers (UTC) and as the clocks there showed them."""

import datetime
import logging

from epmtlite.collect import errors
from epmtlite.reading import SLACK

logger = logging.getLogger(__name__)

JOB_VARIABLES = ("TZ", "TIMEZONE")  # of the job's environment
SITE_VARIABLE = "EPMT_TZ"  # of the environment of who submits
# EPMT's own last resort. Some systems know the zone by its other name only.
LAST_RESORTS = ("US/Eastern", "America/New_York")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)
LONGEST_NAME = 64


class Zone:
    """A time zone: its name as it is stored, and the tzinfo."""

    def __init__(self, name, tzinfo):
        self.name, self.tzinfo = name, tzinfo

    def microseconds(self, moment):
        """Return a datetime, in this zone if it is naive, as microseconds since the epoch.

        Raises MalformedError for a moment that no clock can show.
        """
        try:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self.tzinfo)
            return (moment - EPOCH) // MICROSECOND
        except (OverflowError, ValueError) as error:
            raise errors.MalformedError(f"{moment} is no time: {error}") from error

    def meanings(self, moment):
        """Return what a datetime may mean, as microseconds() does, in order: a naive one of the
        hour that clocks show twice, as in autumn, means two moments.

        Raises MalformedError as it does.
        """
        first = self.microseconds(moment)
        if not is_shown_twice(moment, self.tzinfo):
            return [first]
        return [first, self.microseconds(moment.replace(fold=1))]

    def span(self, start, stop, ran):
        """Return start and stop of a job, two datetimes, in microseconds since the epoch.

        ran() returns when its first process began and its last one ended, (None, None) without
        any; it is asked only where the clocks showed one of them twice. Then the job is as short
        as its processes let it be. Raises MalformedError as microseconds() does.
        """
        starts, stops = self.meanings(start), self.meanings(stop)
        if len(starts) == len(stops) == 1:
            return starts[0], stops[0]
        first, last = ran()
        before = [one for one in starts if first is not None and one <= first + SLACK]
        begin = max(before, default=starts[0])
        needed = begin if last is None else max(begin, last - SLACK)
        return begin, min((one for one in stops if one >= needed), default=stops[-1])

    def local(self, microseconds):
        """Return a moment as a naive datetime of this zone.

        Raises MalformedError for one that is before the year 1 or after 9999 there.
        """
        try:
            moment = EPOCH + datetime.timedelta(microseconds=microseconds)
            return moment.astimezone(self.tzinfo).replace(tzinfo=None)
        except (OverflowError, ValueError) as error:
            raise errors.MalformedError(f"{microseconds} microseconds: {error}") from error

    def local_text(self, microseconds):
        """Return a moment as YYYY-MM-DD HH:MM:SS.ffffff in this zone."""
        return self.local(microseconds).isoformat(" ", "microseconds")


def is_shown_twice(moment, tzinfo):
    """Tell whether the clocks of a zone show a naive moment twice, and do not leave it out, as in
    spring."""
    if moment.tzinfo is not None:
        return False
    first, second = (moment.replace(tzinfo=tzinfo, fold=fold).utcoffset() for fold in (0, 1))
    return first > second


def zone_of(moment, job_environment, environment):
    """Return the Zone of a job whose start is `moment`.

    An aware start says it. Else TZ or TIMEZONE of the job's environment (a dict of anything), else
    EPMT_TZ of the environment of who submits, else US/Eastern, as EPMT has it.
    Raises ConfigurationError for an unknown EPMT_TZ.
    """
    if moment.tzinfo is not None:
        return Zone(offset_name(moment.utcoffset()), moment.tzinfo)
    for variable in JOB_VARIABLES:
        name = job_environment.get(variable)
        zone = named_zone(name) if isinstance(name, str) else None
        if zone:
            return zone
        if name:
            logger.warning("the job's %s is no known time zone", variable)
    name = environment.get(SITE_VARIABLE)
    if name:
        zone = named_zone(name)
        if zone is None:
            raise errors.ConfigurationError(f"{SITE_VARIABLE}: unknown time zone {name}")
        return zone
    zone = next(filter(None, map(named_zone, LAST_RESORTS)), None)
    if zone is None:
        raise errors.ConfigurationError(f"no time zones are installed: set {SITE_VARIABLE}=UTC")
    return zone


def named_zone(name):
    """Return the Zone of an IANA name, None for an unknown one."""
    import zoneinfo

    name = name.lstrip(":")
    if not 0 < len(name) <= LONGEST_NAME:
        return None
    try:
        return Zone(name, zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def stored_zone(name):
    """Return the Zone of a name as it is stored: an IANA name or an offset; UTC if unknown."""
    if name[:1] in ("+", "-"):
        sign = -1 if name[0] == "-" else 1
        hours, minutes, seconds = (int(part) for part in (name[1:] + ":00").split(":")[:3])
        offset = sign * datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return Zone(name, datetime.timezone(offset))
    return named_zone(name) or Zone(name, datetime.timezone.utc)


def offset_name(offset):
    """Return an offset from UTC as +HH:MM, with seconds where it has some."""
    seconds = round(offset.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    hours, rest = divmod(seconds, 3600)
    text = f"{sign}{hours:02d}:{rest // 60:02d}"
    return f"{text}:{rest % 60:02d}" if rest % 60 else text
