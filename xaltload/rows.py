"""Records become rows, all but the numbers that only the database knows."""

import datetime
import functools
from typing import Any, NamedTuple

from usagedb.dialects.base import BYTES, DATETIME, INTEGER, SECONDS, TEXT
from usagedb.redact import read_redactor
from xaltload import keys
from xaltload.compressed import compressed
from xaltload.record import UNKNOWN

STARTED, ENDED = 1, 2  # which records of a run there are: xalt_run.records
MAX_VALUE_BYTES = 65535  # of an environment variable, in the databases of sites
MAX_LINE_BYTES = 65000  # of a link's command line: its column holds 65,535, compressed or not
RUN_COLUMNS = (
    ("run_key", BYTES), ("records", INTEGER), ("job_id", TEXT), ("run_uuid", TEXT),
    ("date", DATETIME), ("syshost", TEXT), ("uuid", TEXT), ("hash_id", TEXT), ("account", TEXT),
    ("exec_type", TEXT), ("start_time", SECONDS), ("end_time", SECONDS), ("run_time", SECONDS),
    ("probability", SECONDS), ("num_cores", INTEGER), ("num_nodes", INTEGER),
    ("num_threads", INTEGER), ("num_gpus", INTEGER), ("queue", TEXT), ("sum_runs", INTEGER),
    ("sum_time", SECONDS), ("user", TEXT), ("exec_path", TEXT), ("module_name", TEXT),
    ("cwd", TEXT), ("cmdline", BYTES), ("container", TEXT),
)  # fmt: skip
RUN_IDENTITY = ("syshost", "run_uuid", "hash_id", "start_time")  # the arguments of keys.run_key
# The arguments of make_facts: columns of a run.
FACT_SOURCES = (
    "exec_path", "module_name", "exec_type", "uuid", "user", "account", "queue", "syshost",
    "job_id",
)  # fmt: skip
LINK_COLUMNS = (
    ("uuid", TEXT), ("hash_id", TEXT), ("date", DATETIME), ("link_program", TEXT),
    ("link_path", TEXT), ("link_module_name", TEXT), ("link_line", BYTES), ("cwd", TEXT),
    ("build_user", TEXT), ("build_syshost", TEXT), ("build_epoch", SECONDS), ("exec_path", TEXT),
)  # fmt: skip
PROGRAM_COLUMNS = (
    ("program_key", BYTES), ("exec_path", TEXT), ("module_name", TEXT), ("exec_type", TEXT),
    ("link_uuid", TEXT),
)  # fmt: skip
OBJECT_COLUMNS = (
    ("obj_key", BYTES), ("object_path", TEXT), ("syshost", TEXT), ("hash_id", TEXT),
    ("module_name", TEXT), ("timestamp", DATETIME), ("lib_type", TEXT),
)  # fmt: skip


class RunRow(NamedTuple):
    """One run as rows; set_key stands for its libraries, see RowMaker.sets."""

    key: bytes
    whole_second_key: bytes
    records: int  # STARTED, ENDED or both
    run_uuid: str
    date: str  # local day of the start
    values: tuple  # of RUN_COLUMNS
    facts: "Facts"
    set_key: bytes
    environment: tuple  # (name, value as bytes)
    run_time: float
    num_cores: int


class Facts(NamedTuple):
    """What the reports read of a run, as long as it has no numbers."""

    program: tuple  # values of PROGRAM_COLUMNS
    user: str
    account: str
    queue: str
    cluster: str
    job_number: Any  # None outside a job


class LinkRow(NamedTuple):
    """One link as rows."""

    uuid: str
    date: str  # local day of the build
    values: tuple  # of LINK_COLUMNS
    set_key: bytes
    functions: tuple


class PackageRow(NamedTuple):
    """One package; which run it belongs to is found by its uuid."""

    key: bytes
    run_uuid: str
    program: str
    name: str
    version: str
    path: str


class RowMaker:
    """Makes the rows of records for one database and site."""

    def __init__(self, widths, modules, zone_of, accounts=None, now=None, redactor=None):
        """modules is a ModuleMap, zone_of(syshost) a time zone, accounts {user: account}, redactor
        what replaces secrets: see usagedb/redact.py."""
        self.redactor = redactor or read_redactor()
        self.modules, self.zone_of = modules, functools.lru_cache(1024)(zone_of)
        self.accounts = accounts or {}
        self.now = (now or datetime.datetime.now()).strftime("%Y-%m-%d %H:%M:%S")
        self._run = Fitter(widths, "xalt_run")
        self._link = Fitter(widths, "xalt_link")
        self._object = Fitter(widths, "xalt_object")
        self._package = Fitter(widths, "xalt_pkg")
        self._variable = widths.text("xalt_env_name", "env_name")
        self._function = widths.text("xalt_function", "function_name")
        self._object_row = functools.lru_cache(100_000)(self._make_object_row)
        # set_key -> values of OBJECT_COLUMNS, of the rows made since it was last emptied
        self.sets = {}

    def run(self, run, probability=1.0):
        """Return the RunRow of a Run; probability is that with which the loader keeps it."""
        local = datetime.datetime.fromtimestamp(run.start_time, self.zone_of(run.syshost))
        columns = self._run_columns(run, local, probability)
        identity = [columns[name] for name in RUN_IDENTITY]
        columns["run_key"] = keys.run_key(*identity)
        return RunRow(
            key=columns["run_key"],
            whole_second_key=keys.whole_second_key(*identity),
            records=columns["records"],
            run_uuid=run.run_uuid,
            date=local.strftime("%Y-%m-%d"),
            values=tuple(columns[name] for name, _kind in RUN_COLUMNS),
            facts=make_facts(*(columns[name] for name in FACT_SOURCES)),
            set_key=self._set_of(run.libraries, run.syshost),
            environment=self._environment(run.environment),
            run_time=run.run_time,
            num_cores=run.num_cores,
        )

    def _run_columns(self, run, local, probability):
        """Return {name: value} of RUN_COLUMNS, all but the key."""
        fit, text, number = self._run, self._run.text, self._run.number
        account = run.account if run.account != UNKNOWN else self.accounts.get(run.user, UNKNOWN)
        return {
            "records": ENDED if run.end_time > 0 else STARTED, "run_uuid": run.run_uuid,
            "job_id": text("job_id", run.job_id), "date": local.strftime("%Y-%m-%d %H:%M:%S"),
            "syshost": text("syshost", run.syshost), "hash_id": text("hash_id", run.hash_id),
            "uuid": run.link_uuid or None, "account": text("account", account),
            "exec_type": text("exec_type", run.exec_type), "start_time": run.start_time,
            "end_time": run.end_time, "run_time": run.run_time,
            "probability": run.probability * probability,
            "num_cores": number("num_cores", run.num_cores),
            "num_nodes": number("num_nodes", run.num_nodes),
            "num_threads": number("num_threads", run.num_threads),
            "num_gpus": number("num_gpus", run.num_gpus), "queue": text("queue", run.queue),
            "sum_runs": 0, "sum_time": 0.0, "user": text("user", run.user),
            "exec_path": text("exec_path", run.exec_path),
            "module_name": fit.optional("module_name", self.modules.module_of(run.exec_path)),
            "cwd": text("cwd", run.cwd),
            "cmdline": compressed(self.redactor.json_arguments(run.cmdline)),
            "container": text("container", run.container) or None,
        }  # fmt: skip

    def link(self, link):
        """Return the LinkRow of a Link."""
        fit = self._link
        local = datetime.datetime.fromtimestamp(link.build_epoch, self.zone_of(link.build_syshost))
        values = (
            link.uuid, fit.text("hash_id", link.hash_id), local.strftime("%Y-%m-%d %H:%M:%S"),
            fit.text("link_program", link.link_program), fit.text("link_path", link.link_path),
            fit.optional("link_module_name", self.modules.module_of(link.link_path)),
            compressed(beginning(self.redactor.text(link.link_line), MAX_LINE_BYTES)),
            fit.text("cwd", link.cwd),
            fit.text("build_user", link.build_user),
            fit.text("build_syshost", link.build_syshost), link.build_epoch,
            fit.text("exec_path", link.exec_path),
        )  # fmt: skip
        functions = dict.fromkeys(self._function(name.rstrip()) for name in link.functions)
        return LinkRow(
            uuid=link.uuid,
            date=local.strftime("%Y-%m-%d"),
            values=values,
            set_key=self._set_of(link.libraries, link.build_syshost),
            functions=tuple(name for name in functions if name),
        )

    def package(self, package):
        """Return the PackageRow of a Package."""
        fit = self._package
        row = (
            package.run_uuid,
            fit.text("program", package.program),
            fit.text("pkg_name", package.name),
            fit.text("pkg_version", package.version),
            fit.text("pkg_path", package.path),
        )
        return PackageRow(keys.package_key(*row), *row)

    def _environment(self, variables):
        found, stored = {}, self.redactor.variable
        for name, value in variables:
            name = self._variable(name.rstrip())
            if name and name not in found:
                value = stored(name, value)
                found[name] = value.encode("utf-8", "surrogatepass")[:MAX_VALUE_BYTES]
        return tuple(found.items())

    def _set_of(self, libraries, syshost):
        """Return the key of a set of objects, and note its rows; b"" for the empty set."""
        rows = {self._object_row(path, syshost, hash_id) for path, hash_id in libraries}
        if not rows:
            return b""
        key = keys.set_key(row[0] for row in rows)
        self.sets.setdefault(key, tuple(rows))
        return key

    def _make_object_row(self, path, syshost, hash_id):
        """Return the values of OBJECT_COLUMNS."""
        fit = self._object
        path, syshost = fit.text("object_path", path), fit.text("syshost", syshost)
        hash_id = fit.text("hash_id", hash_id)
        module = fit.optional("module_name", self.modules.module_of(path))
        key = keys.object_key(path, syshost, hash_id)
        return (key, path, syshost, hash_id, module, self.now, library_type(path))


def make_facts(
    exec_path, module, exec_type, link_uuid, user, account, queue, syshost, job_id
):  # fmt: skip
    """Return the Facts of the columns of a run."""
    return Facts(
        program=program_row(exec_path, module, exec_type, link_uuid),
        user=user,
        account=account,
        queue=queue,
        cluster=syshost,
        job_number=None if job_id == UNKNOWN else keys.job_number(syshost, job_id),
    )


@functools.lru_cache(100_000)
def program_row(exec_path, module, exec_type, link_uuid):
    """Return the values of PROGRAM_COLUMNS."""
    key = keys.program_key(exec_path, module, exec_type, link_uuid)
    return (key, exec_path, module, exec_type, link_uuid)


class Fitter:
    """Fits values to the columns of one table."""

    def __init__(self, widths, table):
        self._text = functools.lru_cache(None)(functools.partial(widths.text, table))
        self._largest = functools.lru_cache(None)(functools.partial(widths.number, table))

    def text(self, column, text):
        """Return a text that fits its column."""
        return self._text(column)(text)

    def optional(self, column, text):
        """Return a text that fits its column, or None."""
        return None if text is None else self._text(column)(text)

    def number(self, column, number):
        """Return a whole number that fits its column."""
        return min(number, self._largest(column))


def beginning(text, most_bytes):
    """Return as much of a text as its UTF-8 form may have bytes."""
    raw = text.encode("utf-8", "surrogatepass")
    return text if len(raw) <= most_bytes else raw[:most_bytes].decode("utf-8", "ignore")


def library_type(path):
    """Return what kind of file a library is: a, o, so, or -- for anything else."""
    name = path.rpartition("/")[2]
    if name.endswith(".a"):
        return "a"
    if name.endswith(".o"):
        return "o"
    return "so" if name.endswith(".so") or ".so." in name else "--"
