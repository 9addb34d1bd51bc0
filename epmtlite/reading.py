"""Read the processes of a job once, from begin to end: rows to store, sums, and the tree."""

import itertools
from array import array
from typing import NamedTuple

from epmtlite import tree
from epmtlite.aggregate import Aggregate
from epmtlite.exit_codes import last_status, status_of
from epmtlite.parts import Impossible, Part
from epmtlite.spool import Spool

MOST_PROCESSES = (1 << 24) - 1  # see epmt_process.id in sql/epmt.sql
# What differs from process to process is kept in memory, and so has its limits.
MOST_TAGS = 200_000
MOST_TAG_CHARACTERS = 32 << 20
MOST_HOSTS = 65536
MOST_METRIC_LISTS = 1000
MOST_NAME_CHARACTERS = 255
SMALLEST, LARGEST = -(1 << 31), (1 << 31) - 1
MOST_CPU_TIME = (1 << 63) - 1  # microseconds, of all processes
# By how much the clocks of nodes may differ, and a process begin before its job or end after it:
# such clocks are synchronised. A wrong time zone makes 15 minutes or more.
SLACK = 300_000_000  # microseconds


class Rows(NamedTuple):
    """Columns of some processes, in the order in which a row has them."""

    hosts: tuple  # numbers within the job, from 0
    tags: tuple  # the same from 1, 0 for none
    metrics: tuple  # the same from 1
    exenames: tuple
    paths: tuple
    args: tuple
    pids: tuple
    gens: tuple
    ppids: tuple
    pgids: tuple
    sids: tuple
    exitcodes: tuple
    exitsignals: tuple
    starts: tuple
    ends: tuple
    durations: tuple
    cpu_times: tuple
    peaks: tuple
    numtids: tuple
    threads: tuple


# Columns of 32 bits, and what is in them.
SMALL_COLUMNS = {
    "pids": "process id", "gens": "generation", "ppids": "process id of the parent",
    "pgids": "process group", "sids": "session", "exitcodes": "exit code",
    "exitsignals": "exit signal",
}  # fmt: skip


class Processes:
    """All processes of a job, and what is known of them together."""

    def __init__(self, begin, end, keeps_rows=True):
        """begin and end are those of the job, in microseconds since the epoch.

        Without keeps_rows the processes are only checked, counted and added up.
        """
        self.begin, self.end, self.keeps_rows = begin, end, keeps_rows
        self.earliest, self.latest = begin - SLACK, end + SLACK
        self.spool = Spool()
        self.aggregate = Aggregate()
        self.hosts: dict = {}  # name -> number, from 0
        self.tags: dict = {}  # JSON text -> number, from 1
        self.metric_names: dict = {}  # tuple of names -> number, from 1
        self.columns = tree.Processes(*(array(kind) for kind in "iiiqqq"))
        self.generations, self.statuses = array("i"), array("i")  # as long as the columns
        self.tag_numbers = {"": 0}  # text as it was read -> number
        self._tag_characters = 0
        self._absolute_cpu_time = 0

    def __len__(self):
        return self.aggregate.num_procs

    def add_file(self, file_name, host, records, lines=None):
        """Read the ProcessRecords of a file; host is that of its name, for records without one.

        lines are its parts.Lines, for messages. Raises MalformedError for a process that cannot be
        of this job.
        """
        part, record = Part(self, file_name, host, lines), None
        try:
            for record in records:
                part.add(record)
            part.finish()
        except Impossible as error:
            raise part.located(error, record) from error

    def build_tree(self):
        """Return the tree.Tree of all processes."""
        return tree.build(self.columns)

    def first_status(self):
        """Return how the process that began first ended, None without processes: see
        exit_codes.last_status."""
        hosts, pids, _ppids, starts, _ends, _cpu_times = self.columns
        if not starts:
            return None
        first = starts.index(min(starts))
        pid, host, start = pids[first], hosts[first], starts[first]
        places = itertools.compress(range(len(pids)), map(pid.__eq__, pids))
        return last_status(
            (starts[place], self.generations[place], self.statuses[place])
            for place in places
            if hosts[place] == host and starts[place] >= start
        )

    def close(self):
        """Give the space of the rows back."""
        self.spool.close()

    def host_number(self, name):
        """Return the number of a host. Raises Impossible if no host can have that name."""
        number = self.hosts.setdefault(name, len(self.hosts))
        if not 0 < len(name) <= MOST_NAME_CHARACTERS or number >= MOST_HOSTS:
            raise Impossible("has no host, or one of too many")
        return number

    def metrics_number(self, names):
        """Return the number of a list of metrics. Raises Impossible for too many lists."""
        number = self.metric_names.setdefault(names, len(self.metric_names) + 1)
        if number > MOST_METRIC_LISTS:
            raise Impossible("has one of too many different lists of metrics")
        return number

    def tags_number(self, text):
        """Return the number of the tags of a process. Raises Impossible for too many."""
        from epmtlite.tagtext import tags_json

        self._tag_characters += len(text)
        if self._tag_characters > MOST_TAG_CHARACTERS or len(self.tag_numbers) > MOST_TAGS:
            raise Impossible("has one of too many different tags")
        json_text = tags_json(text)
        number = self.tags.setdefault(json_text, len(self.tags) + 1) if json_text != "{}" else 0
        self.tag_numbers[text] = number
        return number

    def add_rows(self, names, rows, values, size_bytes):
        """Take rows that have the same metrics; values are their sums over the threads.

        Raises Impossible for numbers that nothing real has.
        """
        columns = Rows(*zip(*rows))
        self._check(columns)
        self.aggregate.add(names, values, columns)
        if not self.keeps_rows:
            return
        hosts, pids, ppids, starts, ends, cpu_times = self.columns
        hosts.extend(columns.hosts)
        pids.extend(columns.pids)
        ppids.extend(columns.ppids)
        starts.extend(columns.starts)
        ends.extend(columns.ends)
        cpu_times.extend(columns.cpu_times)
        self.generations.extend(columns.gens)
        self.statuses.extend(map(status_of, columns.exitcodes, columns.exitsignals))
        self.spool.add(rows, size_bytes)

    def _check(self, columns):
        for name, meaning in SMALL_COLUMNS.items():
            column = getattr(columns, name)
            if min(column) < SMALLEST or max(column) > LARGEST:
                place = next(n for n, one in enumerate(column) if not SMALLEST <= one <= LARGEST)
                raise Impossible(f"has the impossible {meaning} {column[place]}", place)
        before = self._absolute_cpu_time
        self._absolute_cpu_time += sum(map(abs, columns.cpu_times))
        if self._absolute_cpu_time > MOST_CPU_TIME:
            sums = itertools.accumulate(map(abs, columns.cpu_times), initial=before)
            place = next(n for n, total in enumerate(sums) if total > MOST_CPU_TIME) - 1
            reason = f"has an impossible CPU time of {columns.cpu_times[place]} microseconds"
            raise Impossible(reason, place)
        place = MOST_PROCESSES - len(self)
        if len(columns.pids) > place:
            raise Impossible(f"is one of more than {MOST_PROCESSES}", place)
