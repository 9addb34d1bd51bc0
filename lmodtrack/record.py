"""One line of a log becomes a module load, or a reason why not.

Sources of the formats: Lmod's contrib/tracking_module_usage (gen_1, gen_2) and contrib/more_hooks
(UGent), as described in the documentation of Lmod; our own conf/SitePackage.lua.
"""

import csv
import dataclasses
import datetime
import json
import re

from usagedb.source import MAX_LINE_BYTES
from usagedb.terminal import stored_text

TAG = b"ModuleUsageTracking"
LONGEST = {"user": 255, "module": 255, "path": 4096, "host": 255, "job_id": 64}
EARLIEST, LATEST = 946684800.0, 4102444800.0  # 2000-01-01 and 2100-01-01, UTC
# Of one "message repeated" line. Syslog daemons tell of repeats within minutes, and the messages of
# two loads differ in their time, so that true numbers are small; a user can write any number.
MOST_REPEATS = 1_000_000

# The reasons for which a line is not stored; each is counted by this text.
NOT_A_LOAD = "no module load in the line"
REPEATED = "a 'last message repeated' line without its message"
TOO_MANY = f"a message repeated 0 times, or more than {MOST_REPEATS:,} times"
TOO_LONG = "line too long"
BAD_TIME = "time is not a number"
TIME_RANGE = "time before 2000 or after 2099"
BAD_JSON = "not a JSON object"
BAD_CSV = "not user,YYYY_MM_DD_HH_MM_SS,module:path"
NO_HOST = "no host (CSV has none: name the cluster with --syshost)"


@dataclasses.dataclass(frozen=True)
class Load:
    """A module that was loaded; texts are not empty but for job_id."""

    user: str
    module: str
    path: str
    host: str
    time: float  # seconds since the epoch (UTC)
    user_load: int = -1  # 1: the user asked for it, 0: another module did, -1: not logged
    job_id: str = ""
    loads: int = 1  # more for a "message repeated N times" line


class Rejected(ValueError):
    """A line that cannot be stored; its text is the reason."""


class Ignored(Exception):
    """A line that is well-formed but no module load, such as `module avail` in a UGent log."""


@dataclasses.dataclass(frozen=True)
class Context:
    """What a line does not say by itself."""

    now: float  # for syslog time stamps without a year
    calendar: object  # Calendar of the machine that wrote the log
    default_host: str = ""  # for records that name no host


FIELD = re.compile(rb'(?:^|(?<=[\s,]))(\w+)=("(?:[^"\\]|\\.)*"|\S*)', re.DOTALL)
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
HEADER = re.compile(
    rb"(?:^|[^\w-])(?:(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    rb"|(?P<month>[A-Z][a-z][a-z]) +(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d))"
    rb" +(?P<host>[^\s:]+)"
)
UGENT = re.compile(rb"(?:^|\s)lmod(?:\[\d+\])?:?\s+(?=username=|user=)")
REPEAT = re.compile(rb"message repeated (\d+) times:? \[ ?(.*?)\]?\s*$", re.DOTALL)
CSV_LINE = re.compile(rb"[^,\s]+,\d{4}(?:_\d\d){5}(?:,|\s*$)")
MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def parse_line(line, context):
    """Return the Loads of one line (bytes, without its newline); a CSV line may hold several.

    Raises Rejected or Ignored.
    """
    if len(line) > MAX_LINE_BYTES:
        raise Rejected(TOO_LONG)
    if line.startswith(b"{"):
        return [parse_json(line)]
    if TAG in line:
        header, _tag, message = line.partition(TAG)
        return [parse_message(header, message, context)]
    if CSV_LINE.match(line):
        return parse_csv(line, context)
    ugent = UGENT.search(line)
    if ugent:
        return [parse_message(line[: ugent.start()], line[ugent.end() :], context)]
    raise Rejected(REPEATED if b"message repeated" in line else NOT_A_LOAD)


def parse_message(header, message, context):
    """Return the Load of a syslog message: the fields of gen_2 or of UGent, in any order."""
    loads = 1
    repeat = REPEAT.search(message)
    if repeat:
        loads, message = repeats(repeat[1]), repeat[2]
    fields = message_fields(message)
    if not fields:
        raise Rejected(NOT_A_LOAD)
    if "module" not in fields and ("cmd" in fields or "error" in fields):
        raise Ignored
    # Only UGent's messages leave host and time to the header; any other without them was cut off.
    stamp = HEADER.search(header) if "username" in fields else None
    host = fields.get("host") or (stored_text(stamp["host"]) if stamp else "")
    time = seconds(fields["time"]) if "time" in fields else header_time(stamp, context)
    return make_load(
        user=fields.get("user") or fields.get("username"),
        module=fields.get("module"),
        path=fields.get("path") or fields.get("fn"),
        host=host,
        time=time,
        user_load={"yes": 1, "no": 0}.get(fields.get("userload", ""), -1),
        job_id=fields.get("jobid") or "",
        loads=loads,
    )


def repeats(digits):
    """Return the number of a "message repeated" line. Raises Rejected."""
    significant = digits.lstrip(b"0")
    # Python refuses numbers of thousands of digits.
    number = int(significant or b"0") if len(significant) < 10 else MOST_REPEATS + 1
    if not 1 <= number <= MOST_REPEATS:
        raise Rejected(TOO_MANY)
    return number


def message_fields(message):
    """Return the key=value pairs of a message as a dict of texts; the first of a key wins."""
    message = message.lstrip(b": []0123456789").strip()  # what may follow the tag
    if message[:1] == message[-1:] == b"'":  # the whole message in quotes, as some sites log it
        message = message[1:-1]
    is_ugent = b"username=" in message
    fields: dict[str, str] = {}
    for key, value in FIELD.findall(message):
        if len(value) > 1 and value[:1] == value[-1:] == b'"':
            value = ESCAPE.sub(unescaped, value[1:-1])
        elif is_ugent and value.endswith(b","):
            value = value[:-1]
        fields.setdefault(key.decode("ascii", "replace"), stored_text(value))
    return fields


def unescaped(found):
    """Return what an escape inside double quotes means: a byte for \\xNN, else the character."""
    return bytes([int(found[1], 16)]) if found[1] else found[2]


def make_load(**values):
    """Return a Load after checking every text and the time. Raises Rejected."""
    for name, longest in LONGEST.items():
        text = values.get(name)
        if not isinstance(text, str) or (not text and name != "job_id"):
            raise Rejected(f"no {name}")
        if len(text) > longest:
            raise Rejected(f"{name} longer than {longest} characters")
    if not EARLIEST <= values["time"] < LATEST:
        raise Rejected(TIME_RANGE)
    return Load(**values)


def seconds(text):
    """Return the time of a time= field or a JSON date. Raises Rejected."""
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise Rejected(BAD_TIME) from error


def header_time(stamp, context):
    """Return the time of a syslog header; a year it lacks is the last one that fits."""
    if stamp is None:
        raise Rejected("no time")
    try:
        if stamp["iso"]:
            text = stamp["iso"].decode().replace(",", ".").replace("Z", "+00:00")
            return iso_time(text, context.calendar)
        return time_without_year(stamp, context)
    except ValueError as error:
        raise Rejected(BAD_TIME) from error


def iso_time(text, calendar):
    """Return the seconds since the epoch of an ISO 8601 time; without a zone it is local."""
    from dateutil.parser import isoparse

    moment = isoparse(text)
    return moment.timestamp() if moment.tzinfo else calendar.moment_of(moment)


def time_without_year(stamp, context):
    """Return the latest moment, up to a day ahead of now, with this month, day and clock."""
    month = MONTHS.index(stamp["month"]) + 1
    hour, minute, second = (int(part) for part in stamp["clock"].split(b":"))
    this_year = datetime.datetime.fromtimestamp(context.now).year
    for year in (this_year + 1, this_year, this_year - 1, this_year - 2, this_year - 3):
        try:
            local = datetime.datetime(year, month, int(stamp["day"]), hour, minute, second)
        except ValueError:  # 29 February
            continue
        moment = context.calendar.moment_of(local)
        if moment <= context.now + 86400:
            return moment
    raise Rejected(BAD_TIME)


def parse_json(line):
    """Return the Load of a JSON line {user, path, module, syshost, date}."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Rejected(BAD_JSON) from error
    if not isinstance(record, dict):
        raise Rejected(BAD_JSON)
    texts = {key: json_text(record.get(key)) for key in ("user", "module", "path")}
    host = json_text(record.get("syshost"))
    return make_load(time=seconds(record.get("date")), host=host, job_id="", **texts)


def json_text(value):
    """Return a JSON string as storable text, None for any other value."""
    if not isinstance(value, str):
        return None
    return stored_text(value.encode("utf-8", "surrogatepass"))


def lacks_cluster(line, context):
    """Tell whether a line is CSV and the context does not say whose cluster it is about."""
    return not context.default_host and CSV_LINE.match(line) is not None


def parse_csv(line, context):
    """Return the Loads of a CSV line user,YYYY_MM_DD_HH_MM_SS (UTC),module:path[,module:path…]."""
    try:
        user, stamp, *modules = next(csv.reader([stored_text(line).rstrip()]))
        moment = datetime.datetime.strptime(stamp + " +0000", "%Y_%m_%d_%H_%M_%S %z")
    except (ValueError, csv.Error, StopIteration) as error:
        raise Rejected(BAD_CSV) from error
    if not modules or not all(":" in module for module in modules):
        raise Rejected(BAD_CSV)
    if not context.default_host:
        raise Rejected(NO_HOST)
    pairs = (module.partition(":")[::2] for module in modules)
    return [
        make_load(
            user=user,
            module=name,
            path=path,
            host=context.default_host,
            time=moment.timestamp(),
            job_id="",
        )
        for name, path in pairs
    ]


BARE = re.compile(r"[!#-&(-+\--\[\]-~]+")  # printable ASCII without blank, quotes, comma, backslash


def format_line(load, header="Jan  1 00:00:00 login1"):
    """Return a Load as the line that conf/SitePackage.lua and syslog write (bytes, no newline)."""
    fields = [
        f"{name}={quoted(value)}"
        for name, value in (
            ("user", load.user),
            ("module", load.module),
            ("path", load.path),
            ("host", load.host),
        )
    ]
    fields.append(f"time={load.time:.6f}")
    if load.user_load >= 0:
        fields.append(f"userload={'yes' if load.user_load else 'no'}")
    if load.job_id:
        fields.append(f"jobid={quoted(load.job_id)}")
    message = " ".join(fields)
    return f"{header} {TAG.decode()}: {message}".encode()


def quoted(text):
    """Return a value as it stands in a line: bare if it can, else in quotes with escapes."""
    if BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + '"'
