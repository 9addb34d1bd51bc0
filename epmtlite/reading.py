"""Read the processes of a job once, from begin to end: rows to store, sums, and the tree."""

from array import array
from typing import NamedTuple

from epmtlite import tree
from epmtlite.aggregate import Aggregate
from epmtlite.collect import errors
from epmtlite.spool import Spool
from epmtlite.values import text_of

ROWS_PER_PART = 4096
BYTES_PER_PART = 4 << 20
MOST_PROCESSES = (1 << 24) - 1  # see epmt_process.id in sql/epmt.sql
# What differs from process to process is kept in memory, and so has its limits.
MOST_TAGS = 200_000
MOST_TAG_CHARACTERS = 32 << 20
MOST_HOSTS = 65536
MOST_METRIC_LISTS = 1000
MOST_NAME_CHARACTERS = 255
SMALLEST, LARGEST = -(1 << 31), (1 << 31) - 1
MOST_CPU_TIME = (1 << 63) - 1  # microseconds, of all processes
CPU_METRICS = ("usertime", "systemtime")
PEAK_METRIC = "rssmax"


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


SMALL_COLUMNS = ("pids", "gens", "ppids", "pgids", "sids", "exitcodes", "exitsignals")


class Processes:
    """All processes of a job, and what is known of them together."""

    def __init__(self, begin, end):
        """begin and end are those of the job, in microseconds since the epoch."""
        self.begin, self.end = begin, end
        self.spool = Spool()
        self.aggregate = Aggregate()
        self.hosts: dict = {}  # name -> number, from 0
        self.tags: dict = {}  # JSON text -> number, from 1
        self.metric_names: dict = {}  # tuple of names -> number, from 1
        self.columns = tree.Processes(*(array(kind) for kind in "iiiqqq"))
        self._tag_numbers = {"": 0}  # text as it was read -> number
        self._tag_characters = 0
        self._absolute_cpu_time = 0

    def __len__(self):
        return self.aggregate.num_procs

    def add_file(self, file_name, host, records):
        """Read the ProcessRecords of a file; host is that of its name, for records without one.

        Raises MalformedError for a process that cannot be of this job.
        """
        part = Part(self, file_name, host)
        for record in records:
            part.add(record)
        part.finish()

    def build_tree(self):
        """Return the tree.Tree of all processes."""
        return tree.build(self.columns)

    def close(self):
        """Give the space of the rows back."""
        self.spool.close()

    def host_number(self, name, file_name):
        """Return the number of a host. Raises MalformedError if no host can have that name."""
        number = self.hosts.setdefault(name, len(self.hosts))
        if not 0 < len(name) <= MOST_NAME_CHARACTERS or number >= MOST_HOSTS:
            raise errors.MalformedError(f"{file_name}: a host without a name, or too many hosts")
        return number

    def metrics_number(self, names, file_name):
        """Return the number of a list of metrics. Raises MalformedError for too many lists."""
        number = self.metric_names.setdefault(names, len(self.metric_names) + 1)
        if number > MOST_METRIC_LISTS:
            raise errors.MalformedError(f"{file_name}: more different lists of metrics than hosts")
        return number

    def tags_number(self, text, file_name):
        """Return the number of the tags of a process. Raises MalformedError for too many."""
        from epmtlite.tagtext import tags_json

        self._tag_characters += len(text)
        if self._tag_characters > MOST_TAG_CHARACTERS or len(self._tag_numbers) > MOST_TAGS:
            raise errors.MalformedError(f"{file_name}: more different tags than a job has")
        json_text = tags_json(text)
        number = self.tags.setdefault(json_text, len(self.tags) + 1) if json_text != "{}" else 0
        self._tag_numbers[text] = number
        return number

    def add_rows(self, names, rows, values, size_bytes, file_name):
        """Take rows that have the same metrics; values are their sums over the threads.

        Raises MalformedError for numbers that nothing real has.
        """
        columns = Rows(*zip(*rows))
        self._check(columns, file_name)
        self.aggregate.add(names, values, columns)
        hosts, pids, ppids, starts, ends, cpu_times = self.columns
        hosts.extend(columns.hosts)
        pids.extend(columns.pids)
        ppids.extend(columns.ppids)
        starts.extend(columns.starts)
        ends.extend(columns.ends)
        cpu_times.extend(columns.cpu_times)
        self.spool.add(rows, size_bytes)

    def _check(self, columns, file_name):
        for name in SMALL_COLUMNS:
            column = getattr(columns, name)
            if min(column) < SMALLEST or max(column) > LARGEST:
                raise errors.MalformedError(f"{file_name}: impossible {name}")
        self._absolute_cpu_time += sum(map(abs, columns.cpu_times))
        if self._absolute_cpu_time > MOST_CPU_TIME:
            raise errors.MalformedError(f"{file_name}: impossible CPU times")
        if len(self) + len(columns.pids) > MOST_PROCESSES:
            raise errors.MalformedError(f"{file_name}: more than {MOST_PROCESSES} processes")


class Part:
    """Rows of a file that are taken together."""

    def __init__(self, processes, file_name, host):
        self.processes, self.file_name, self.host = processes, file_name, host
        self.begin, self.end = processes.begin, processes.end
        self.hosts, self.tag_numbers = processes.hosts, processes._tag_numbers
        self.rows: list = []
        self.values: list = []
        self.size_bytes = 0
        self._start_with(())

    def _start_with(self, names):
        """Begin with records of other metrics."""
        self.finish()
        self.names = names
        self.metrics_number = self.processes.metrics_number(names, self.file_name) if names else 0
        self.form = ",".join(["%d"] * len(names))  # of the values of one thread
        self.cpu_places = [names.index(name) for name in CPU_METRICS if name in names]
        self.peak_place = names.index(PEAK_METRIC) if PEAK_METRIC in names else None

    def add(self, record):
        """Take a ProcessRecord. Raises MalformedError if it did not run within the job."""
        (
            tags, host, exename, path, args, exitcode, exitsignal, pid, gen, ppid, pgid, sid,
            numtids, start, end, names, threads,
        ) = record  # fmt: skip
        if names is not self.names:
            self._start_with(names)
        if start < self.begin or end > self.end:
            raise self._not_of_this_job(record)
        if numtids == 1:
            values = threads[0]
            text = self.form % values
        else:
            values = tuple(map(sum, zip(*threads)))
            text = text_of(threads)
        host_number = self.hosts.get(host or self.host)
        if host_number is None:
            host_number = self.processes.host_number(host or self.host, self.file_name)
        tags_number = self.tag_numbers.get(tags)
        if tags_number is None:
            tags_number = self.processes.tags_number(tags, self.file_name)
        self.rows.append(
            (
                host_number, tags_number, self.metrics_number, exename, path, args, pid, gen, ppid,
                pgid, sid, exitcode, exitsignal, start, end, end - start,
                sum([values[place] for place in self.cpu_places]), self._peak(threads), numtids,
                text,
            )
        )  # fmt: skip
        self.values.append(values)
        self.size_bytes += len(args) + len(text) + len(path) + len(exename)
        if len(self.rows) >= ROWS_PER_PART or self.size_bytes > BYTES_PER_PART:
            self.finish()

    def _not_of_this_job(self, record):
        return errors.MalformedError(
            f"{self.file_name}: process {record.pid} ran from {record.start} to {record.end}"
            f" microseconds since the epoch, but its job from {self.begin} to {self.end}: it is"
            " corrupted, or the job's time zone is another one (EPMT_TZ)"
        )

    def _peak(self, threads):
        """Return the largest peak of memory of the threads, in kilobytes."""
        place = self.peak_place
        if place is None:
            return 0
        return threads[0][place] if len(threads) == 1 else max(one[place] for one in threads)

    def finish(self):
        """Hand over the rows."""
        if self.rows:
            self.processes.add_rows(
                self.names, self.rows, self.values, self.size_bytes, self.file_name
            )
        self.rows, self.values, self.size_bytes = [], [], 0
