"""Read a job and its processes as the plain data that a page shows."""

import json

from epmtlite import jobs as job_reader
from epmtlite.collect.tags import written
from epmtlite.plot import lanes, texts
from epmtlite.plot.kept import Longest
from epmtlite.plot.totals import METRICS, Total, rows_of
from epmtlite.processes import JobContext
from epmtlite.values import known_sum

MOST_KEYS = 30  # of tags
ALL_TAGS = "all tags"
READ_COLUMNS = (
    "id", "parent_id", "start", "end", "cpu_time", "inclusive_cpu_time", "peak_rss", "numtids",
    "exename", "args", "pid", "exitcode", "exitsignal", "host_id", "tags_number", "metrics_number",
    "threads",
)  # fmt: skip
# What of a process stands in the page as it is.
PLAIN = {4: "cpu", 5: "inclusive_cpu", 6: "memory", 7: "threads", 10: "pid", 11: "exit",
         12: "signal", 15: "read", 16: "written"}  # fmt: skip


def job_data(database, job, limit, by_tags=True):
    """Return what a page shows of a selection.Job, a dictionary of plain values. Read-only.

    At most `limit` processes, the longest, are in it; sums are those of all, by program and, if so
    wanted, by tags. Its moments are microseconds since the start of the job. Raises
    MissingInputError if the job was deleted.
    """
    context = JobContext(database, job)
    longest, sums = Longest(limit), Sums(context, by_tags)
    for row in process_rows(database, job):
        amounts = amounts_of(context, row)
        sums.add(row, amounts)
        longest.offer((*row[:8], *shown_texts(row), *row[10:15], *amounts[:2]))
    return {
        "facts": facts(database, job, sums),
        "left_out": [longest.left_out, longest.left_out_wall, longest.left_out_cpu],
        "groups": sums.groups(),
        **process_columns(context, longest),
    }


def process_rows(database, job):
    """Yield the rows of READ_COLUMNS of a job in the order of the starts. Read-only."""
    names = database.dialect.quote_all(READ_COLUMNS)
    sql = f"SELECT {names} FROM epmt_process WHERE job_id = ? ORDER BY start, id"  # noqa: S608
    return database.stream(sql, (job.number,))


def shown_texts(row):
    """Return the program and the arguments of a row as they are shown."""
    return texts.shown(row[8], texts.NAME_LENGTH), texts.shown(row[9], texts.ARGUMENTS_LENGTH)


def amounts_of(context, row):
    """Return what a process read and wrote: of METRICS, None for one that was not measured."""
    names, values = context.metrics[row[15]], row[16].split(",")
    return [
        known_sum(list(map(int, values[names.index(name) :: len(names)])))
        if name in names and row[16]
        else None
        for name in METRICS
    ]


class Sums:
    """Adds the processes of a job up: by program, by each key of their tags, by all tags."""

    def __init__(self, context, by_tags=True):
        known = {key for tags in context.tags.values() for key in tags} if by_tags else ()
        keys = sorted(known)[:MOST_KEYS]
        self._keys = [(key, texts.shown(key, texts.NAME_LENGTH)) for key in keys]
        self._tags = context.tags
        self._programs: dict = {}
        self._shown_programs: dict = {}
        self._shown_values: dict = {}
        self._by_tags: dict = {}
        self._by_key: list = [{} for _key in keys]
        self.failed = 0

    def add(self, row, amounts):
        """Add a row of READ_COLUMNS."""
        start, end, cpu, _inclusive, peak = row[2:7]
        self.failed += bool(row[11] or row[12])
        groups = [(self._programs, self._program(row[8])), (self._by_tags, row[14])]
        groups += zip(self._by_key, self._values(row[14]))
        for found, name in groups:
            total = found.get(name)
            if total is None:
                total = found[name] = Total()
            total.add(start, end, cpu, amounts, peak)

    def _program(self, name):
        """Return the name of a program as it is shown."""
        found = self._shown_programs.get(name)
        if found is None:
            found = self._shown_programs[name] = texts.shown(name, texts.NAME_LENGTH)
        return found

    def _values(self, number):
        """Return the value of each key in the tags of a number, as it is shown; None for none."""
        found = self._shown_values.get(number)
        if found is None:
            tags = self._tags[number]
            found = self._shown_values[number] = [
                texts.shown(tags[key], texts.TAG_LENGTH) if key in tags else None
                for key, _title in self._keys
            ]
        return found

    def groups(self):
        """Return {"title", "rows"} of each way to group; a row is as in totals.rows_of, its name
        None for the processes without such a tag."""
        found = [("program", self._programs)]
        found += [(title, some) for (_key, title), some in zip(self._keys, self._by_key)]
        if self._keys:
            found.append((ALL_TAGS, self._by_tags))
        return [{"title": title, "rows": self._named(title, some)} for title, some in found]

    def _named(self, title, some):
        """Return the rows of a way to group, with texts in the place of numbers of tags."""
        rows = rows_of(some)
        if some is self._by_tags:
            for row in rows[: len(some)]:
                text = written(self._tags.get(row[0], {}))
                row[0] = texts.shown(text, texts.TAG_LENGTH) or None
        return rows


def facts(database, job, sums):
    """Return what stands at the head of a page about a job. Read-only."""
    (record,) = job_reader.job_dicts(database, [job])
    clock = job_reader.Clock(record["zone"])
    return {
        "job": texts.shown(job.full_name()),
        "name": texts.shown(record["jobname"]),
        "user": texts.shown(record["user"]),
        "hosts": [texts.shown(name) for name in record["hosts"]],
        "start": moment_text(record["start"]),
        "end": moment_text(record["end"]),
        "zone": texts.shown(record["zone"]),
        "offsets": offsets(clock, job.start, job.end),
        "duration": record["duration"],
        "cpu": record["cpu_time"],
        "processes": record["num_procs"],
        "threads": record["num_threads"],
        "failed": sums.failed,
        "peak": record["peak_rss"],
        "exit": record["exitcode"],
        "read": record.get("rchar"),
        "written": record.get("wchar"),
        "tags": shown_mapping(record["tags"]),
        "annotations": shown_mapping(record["annotations"]),
    }


def moment_text(moment):
    """Return a moment of the job's clocks as a text."""
    return "unknown" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S %Z")


def shown_mapping(mapping):
    """Return [key, value] of tags or annotations, as texts."""
    return [
        [
            texts.shown(key, texts.NAME_LENGTH),
            texts.shown(value if isinstance(value, str) else json.dumps(value), texts.TAG_LENGTH),
        ]
        for key, value in sorted(mapping.items())
    ]


def offsets(clock, start, end):
    """Return [microseconds since the start of a job, seconds since midnight that its clocks would
    show there if they ran on], first of the start, then of when they were changed, if they were."""
    first, last = (clock.moment(moment) for moment in (start, end))
    if first is None or last is None:
        return []
    midnight = first.hour * 3600 + first.minute * 60 + first.second + first.microsecond / 1e6
    found = [[0, midnight]]
    if first.utcoffset() != last.utcoffset():
        change = last.utcoffset() - first.utcoffset()
        at = changed_at(clock, start, end, first.utcoffset()) - start
        found.append([at, midnight + change.total_seconds()])
    return found


def changed_at(clock, start, end, offset):
    """Return when, between two moments, a clock is no longer `offset` from UTC."""
    while end - start > 1:
        middle = (start + end) // 2
        if clock.moment(middle).utcoffset() == offset:
            start = middle
        else:
            end = middle
    return end


def process_columns(context, longest):
    """Return the processes that were kept: a list of each of their properties, in the order of
    their starts, and the tables of texts that numbers in the lists stand for."""
    processes = longest.processes()
    job = context.job
    programs, arguments, tags = texts.Table(), texts.Table(), texts.Table()
    hosts = texts.Table()
    columns = {name: [process[place] for process in processes] for place, name in PLAIN.items()}
    spans = [(process[2], process[3]) for process in processes]
    shown_tags = {
        number: texts.shown(written(some), texts.ARGUMENTS_LENGTH)
        for number, some in context.tags.items()
    }
    columns.update(
        start=[start - job.start for start, _end in spans],
        duration=[end - start for start, end in spans],
        parent=longest.parent_places(processes),
        program=[programs.number(process[8]) for process in processes],
        arguments=[arguments.number(process[9]) for process in processes],
        host=[
            hosts.number(texts.shown(context.hosts.get(process[13], "unknown")))
            for process in processes
        ],
        tags=[tags.number(shown_tags[process[14]]) for process in processes],
    )
    columns["lane"] = lanes.packed_by_host(columns["host"], spans)
    return {
        "programs": programs.texts,
        "arguments": arguments.texts,
        "hosts": hosts.texts,
        "tags": tags.texts,
        "columns": columns,
    }
