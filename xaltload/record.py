"""One record of XALT, whatever its version, becomes a Run, a Link or a Package.

Any user of a cluster can write such a file: what cannot be stored is Rejected with a reason, and
nothing else is ever raised. Formats: XALT 1.x to 3.x as described in xaltload/README.md.
"""

import json
import math
import re
from typing import Any, NamedTuple, Optional

from usagedb.terminal import stored_text

MAX_RECORD_BYTES = 4 << 20  # a real one has some 10 KB; its parsed form takes far more memory
MAX_CMDLINE_BYTES = 65000  # of the column's 65,535, compressed or not
LATEST = 4102444800.0  # 2100-01-01, UTC
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNKNOWN = "unknown"
# XALT does not escape the names of functions: what stands between these is read by itself.
FUNCTIONS = re.compile(rb'"function":\[(.*?)\],"link_line":', re.DOTALL)
LARGEST_INTEGER = 2**31 - 1
LEAST_PROBABILITY = 0.0001  # XALT writes four decimals


class Rejected(Exception):
    """A record that cannot be stored; its text says why, in a few fixed words."""


class Run(NamedTuple):
    """One run of an executable; times in seconds since the epoch (UTC), durations in seconds.

    A start record has end_time 0 and run_time 0.
    """

    syshost: str
    run_uuid: str
    hash_id: str  # SHA-1 of the executable
    start_time: float
    end_time: float
    run_time: float
    probability: float  # with which the node recorded such a run
    num_cores: int
    num_nodes: int
    num_threads: int
    num_gpus: int
    job_id: str
    account: str
    queue: str
    user: str
    exec_type: str
    exec_path: str
    cwd: str
    cmdline: str  # the arguments as a JSON list
    link_uuid: str  # of the Link that built it, or ''
    container: str
    libraries: tuple  # (path, hash_id)
    environment: tuple  # (name, value)


class Link(NamedTuple):
    """One executable that was built."""

    uuid: str
    hash_id: str
    build_epoch: float
    link_program: str
    link_path: str
    link_line: str
    cwd: str
    build_user: str
    build_syshost: str
    exec_path: str
    libraries: tuple  # (path, hash_id)
    functions: tuple


class Package(NamedTuple):
    """One package that a run of an interpreter imported."""

    run_uuid: str
    program: str
    name: str
    version: str
    path: str


def parse_record(text, syshost=UNKNOWN):
    """Return the Run, Link or Package of a record (bytes).

    syshost is that of a record which does not name its own. Raises Rejected.
    """
    if len(text) > MAX_RECORD_BYTES:
        raise Rejected("too long")
    if not text.strip():
        raise Rejected("empty")
    record = loaded(text)
    if not isinstance(record, dict):
        raise Rejected("no JSON object")
    if "xalt_run_uuid" in record:
        return package_of(record)
    if "userT" in record:
        return run_of(record, syshost)
    if "resultT" in record or "link_program" in record:
        return link_of(record, syshost)
    raise Rejected("no record of XALT")


def loaded(text):
    """Return the value of a JSON text. Raises Rejected."""
    try:
        return json.loads(decoded(text), parse_constant=refuse)
    except (ValueError, RecursionError):
        return loaded_around_functions(text)


def decoded(text):
    """Return a record's bytes as text; those that are not UTF-8 as lone surrogates."""
    return text.decode("utf-8", "surrogateescape")


def refuse(constant):
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError(constant)


def loaded_around_functions(text):
    """Return the value of a link record whose names of functions are not escaped."""
    found = FUNCTIONS.search(text)
    if not found:
        raise Rejected("broken JSON")
    rest = text[: found.start()] + b'"link_line":' + text[found.end() :]
    try:
        record = json.loads(decoded(rest), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Rejected("broken JSON") from None
    if isinstance(record, dict):
        names = found[1].strip().strip(b'"')
        record["function"] = [stored_text(name) for name in names.split(b'","')]
    return record


def run_of(record, syshost):
    """Return the Run of a run record."""
    user = table(record, "userT")
    # Version 1 has the numbers among the texts.
    numbers = table(record, "userDT") if "userDT" in record else user
    run_uuid = uuid_of(user.get("run_uuid"))
    exec_path = text_of(unquoted(user.get("exec_path")))
    if not exec_path:
        raise Rejected("no exec_path")
    start_time = moment(numbers, "start_time")
    if start_time < 1:
        raise Rejected("no start_time")
    cores = count(numbers, "num_cores", count(numbers, "num_tasks", 1))
    return Run(
        syshost=text_of(user.get("syshost")) or syshost,
        run_uuid=run_uuid,
        hash_id=hash_of(record.get("hash_id")),
        start_time=start_time,
        end_time=moment(numbers, "end_time"),
        run_time=moment(numbers, "run_time"),
        probability=probability_of(numbers),
        num_cores=cores,
        num_nodes=count(numbers, "num_nodes", 1),
        num_threads=count(numbers, "num_threads", 1),
        num_gpus=count(numbers, "num_gpus", 0),
        job_id=text_of(user.get("job_id")) or UNKNOWN,
        account=text_of(user.get("account")) or UNKNOWN,
        queue=(text_of(user.get("queue")) or UNKNOWN).split(",")[0],
        user=text_of(user.get("user")) or UNKNOWN,
        exec_type=text_of(user.get("exec_type")) or "binary",
        exec_path=exec_path,
        cwd=text_of(user.get("cwd")),
        cmdline=cmdline_of(record.get("cmdlineA")),
        link_uuid=link_uuid_of(record.get("xaltLinkT")),
        container=text_of(user.get("container")),
        libraries=libraries_of(record.get("libA")),
        environment=environment_of(record.get("envT")),
    )


def link_of(record, syshost):
    """Return the Link of a link record; version 1 has no resultT around its values."""
    result = table(record, "resultT") if "resultT" in record else record
    build_epoch = moment(result, "build_epoch")
    if build_epoch < 1:
        raise Rejected("no build_epoch")
    line = record.get("link_line")
    return Link(
        uuid=uuid_of(result.get("uuid")),
        hash_id=hash_of(result.get("hash_id")),
        build_epoch=build_epoch,
        link_program=text_of(result.get("link_program")) or UNKNOWN,
        link_path=text_of(result.get("link_path")),
        link_line=" ".join(map(text_of, line)) if isinstance(line, list) else text_of(line),
        cwd=text_of(result.get("wd")),
        build_user=text_of(result.get("build_user")) or UNKNOWN,
        build_syshost=text_of(result.get("build_syshost")) or syshost,
        exec_path=text_of(result.get("exec_path")),
        libraries=libraries_of(record.get("linkA")),
        functions=tuple(dict.fromkeys(filter(None, map(text_of, listed(record.get("function")))))),
    )


def package_of(record):
    """Return the Package of a pkg record."""
    name = text_of(record.get("package_name"))
    if not name:
        raise Rejected("no package_name")
    return Package(
        run_uuid=uuid_of(record["xalt_run_uuid"]),
        program=text_of(record.get("program")) or UNKNOWN,
        name=name,
        version=text_of(record.get("package_version")),
        path=text_of(record.get("package_path")),
    )


def table(record, key):
    """Return the object at a key. Raises Rejected."""
    value = record[key]
    if not isinstance(value, dict):
        raise Rejected(f"{key} is no object")
    return value


def listed(value):
    """Return a list, empty for anything else."""
    return value if isinstance(value, list) else []


def text_of(value):
    """Return a value as text that a database can hold; '' for what is none."""
    if isinstance(value, str):
        return value if value.isprintable() else stored_text(raw(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def raw(text):
    """Return the bytes of a text, those of `decoded` as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair, written as such
        return text.encode("utf-8", "surrogatepass")


def unquoted(path):
    """Return exec_path, which XALT escapes twice, as it is."""
    if not isinstance(path, str) or "\\" not in path:
        return path
    try:
        return json.loads(f'"{path}"')
    except ValueError:
        return path


def uuid_of(value):
    """Return a valid UUID. Raises Rejected."""
    if not isinstance(value, str) or not UUID.fullmatch(value[:36].lower()):
        raise Rejected("no valid uuid")
    return value[:36].lower()


def hash_of(value):
    """Return the SHA-1 of a file, or "0" where it is not known."""
    text = text_of(value)
    return text if 0 < len(text) <= 40 else "0"


def number_of(value) -> Optional[float]:
    """Return a finite number, also of a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def moment(numbers, key):
    """Return a time or duration in seconds, 0.0 if it is missing. Raises Rejected."""
    number = number_of(numbers.get(key, 0.0))
    if number is None or not 0 <= number < LATEST:
        raise Rejected(f"{key} is no time")
    return number


def count(numbers, key, default):
    """Return a number of things that is at least 0 and fits its column."""
    number = number_of(numbers.get(key))
    return default if number is None else int(min(max(number, 0), LARGEST_INTEGER))


def probability_of(numbers):
    """Return with which probability such a run was recorded; 1 for what XALT cannot have written.

    A run stands for 1/p runs in weighted reports: the least number that there is would make that
    infinite.
    """
    number = number_of(numbers.get("probability"))
    return number if number is not None and LEAST_PROBABILITY <= number <= 1 else 1.0


def cmdline_of(arguments):
    """Return the arguments as a JSON list; "..." is for the last ones where they are too many."""
    written, size_bytes = [], 0
    for argument in listed(arguments):
        text = json.dumps(text_of(argument))
        size_bytes += len(text) + len(", ")
        if size_bytes > MAX_CMDLINE_BYTES:
            written.append('"..."')
            break
        written.append(text)
    return f"[{', '.join(written)}]"


def link_uuid_of(link):
    """Return the uuid of the watermark that the linker left, or ''."""
    if not isinstance(link, dict):
        return ""
    value = link.get("Build_UUID", link.get("Build.UUID"))
    text = text_of(value)[:36].lower()
    return text if UUID.fullmatch(text) else ""


def libraries_of(pairs):
    """Return the distinct (path, hash) of libraries; "unknown" is none."""
    found: dict[tuple[str, str], Any] = {}
    for pair in listed(pairs):
        if isinstance(pair, list) and pair:
            path = pair[0]
            path = path if isinstance(path, str) and path.isprintable() else text_of(path)
            if path and path != UNKNOWN:
                hash_id = pair[1] if len(pair) > 1 else None
                found[path, "0" if hash_id == "0" else hash_of(hash_id)] = None
    return tuple(found)


def environment_of(variables):
    """Return the (name, value) of environment variables."""
    if not isinstance(variables, dict):
        return ()
    return tuple((text_of(name), text_of(value)) for name, value in variables.items() if name)
