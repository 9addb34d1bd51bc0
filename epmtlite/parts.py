"""Rows of a data file, some thousand at a time: made from its records, and checked."""

from epmtlite.collect import errors
from epmtlite.collect.papiex import MalformedRecord
from epmtlite.values import known_sum, text_of

ROWS_PER_PART = 4096
BYTES_PER_PART = 4 << 20
CPU_METRICS = ("usertime", "systemtime")
PEAK_METRIC = "rssmax"
PID, NUMTIDS = 6, -2  # places in a row


class Impossible(Exception):
    """What no process has: its text follows the name of the process; place is which row of a part
    it is, None: the newest."""

    def __init__(self, reason, place=None):
        super().__init__(reason)
        self.place = place


class Lines:
    """The lines of a file, and the number of the one that was read last."""

    def __init__(self, lines, has_row_per_thread=False):
        """has_row_per_thread tells that a process has a line for each of its threads."""
        self._lines, self.has_row_per_thread = lines, has_row_per_thread
        self.number = 0

    def __iter__(self):
        for self.number, line in enumerate(self._lines, 1):  # noqa: B020 - so that it is current
            yield line

    def first_of(self, number, threads):
        """Return the first line of a process that ends with that line."""
        return number - threads + 1 if self.has_row_per_thread else number


NO_LINES = Lines(())


class Part:
    """Rows of a file that are taken together."""

    def __init__(self, processes, file_name, host, lines=None):
        self.processes, self.file_name, self.host = processes, file_name, host
        self.lines = NO_LINES if lines is None else lines
        self.earliest, self.latest = processes.earliest, processes.latest
        self.hosts, self.tag_numbers = processes.hosts, processes.tag_numbers
        self._clear()
        self._start_with(())

    def _clear(self):
        self.rows: list = []
        self.values: list = []
        self.line_numbers: list = []
        self.size_bytes = 0

    def _start_with(self, names):
        """Begin with records of other metrics."""
        self.finish()
        self.names = names
        self.metrics_number = self.processes.metrics_number(names) if names else 0
        self.form = ",".join(["%d"] * len(names))  # of the values of one thread
        self.cpu_places = [names.index(name) for name in CPU_METRICS if name in names]
        self.peak_place = names.index(PEAK_METRIC) if PEAK_METRIC in names else None

    def add(self, record):
        """Take a ProcessRecord. Raises Impossible."""
        (
            tags, host, exename, path, args, exitcode, exitsignal, pid, gen, ppid, pgid, sid,
            numtids, start, end, names, threads,
        ) = record  # fmt: skip
        if names is not self.names:
            self._start_with(names)
        if not self.earliest <= start <= end <= self.latest:
            raise Impossible(self._when_it_ran(record))
        if numtids == 1:
            values = threads[0]
            text = self.form % values
        else:
            values = tuple(map(known_sum, zip(*threads)))
            text = text_of(threads)
        host_number = self.hosts.get(host or self.host)
        if host_number is None:
            host_number = self.processes.host_number(host or self.host)
        tags_number = self.tag_numbers.get(tags)
        if tags_number is None:
            tags_number = self.processes.tags_number(tags)
        self.rows.append(
            (
                host_number, tags_number, self.metrics_number, exename, path, args, pid, gen, ppid,
                pgid, sid, exitcode, exitsignal, start, end, end - start,
                max(0, known_sum([values[place] for place in self.cpu_places])),
                self._peak(threads),
                numtids,
                text,
            )
        )  # fmt: skip
        self.values.append(values)
        self.line_numbers.append(self.lines.number)
        self.size_bytes += len(args) + len(text) + len(path) + len(exename)
        if len(self.rows) >= ROWS_PER_PART or self.size_bytes > BYTES_PER_PART:
            self.finish()

    def _when_it_ran(self, record):
        """Return why a process is not of this job."""
        job = self.processes
        reason = (
            f"ran from {record.start} to {record.end} microseconds since the epoch, but its job"
            f" from {job.begin} to {job.end}: it is corrupted"
        )
        if record.start > record.end:
            return reason
        return reason + ", or the job's time zone is another one (EPMT_TZ)"

    def _peak(self, threads):
        """Return the largest peak of memory of the threads, in kilobytes."""
        place = self.peak_place
        if place is None:
            return 0
        return threads[0][place] if len(threads) == 1 else max(one[place] for one in threads)

    def finish(self):
        """Hand over the rows."""
        if self.rows:
            self.processes.add_rows(self.names, self.rows, self.values, self.size_bytes)
        self._clear()

    def located(self, impossible, record):
        """Return the MalformedError of an Impossible, with file and line; record came last."""
        pid, threads, line = record.pid, record.numtids, self.lines.number
        if impossible.place is not None:
            row = self.rows[impossible.place]
            pid, threads, line = row[PID], row[NUMTIDS], self.line_numbers[impossible.place]
        reason = f"process {pid} {impossible}"
        if not line:
            return errors.MalformedError(f"{self.file_name}: {reason}")
        return MalformedRecord(self.file_name, self.lines.first_of(line, threads), reason)
