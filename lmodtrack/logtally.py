"""Count the lines of a log block by block, as fast as Python can.

The lines that gen_2 and conf/SitePackage.lua write are taken apart by one regular expression, and
their keys are made column by column: for each line only one loop of a few statements is left.
Whatever is not of that form goes line by line through lmodtrack/record.py.
"""

import itertools
import operator
import re

from lmodtrack import record
from lmodtrack.tally import MAX_REMEMBERED, Tally, key_of, time_text
from usagedb.source import MAX_LINE_BYTES

# Whether a name is sound is found out when it is met for the first time.
NAME = rb"[!-~]+"
STANDARD_LINE = re.compile(
    rb"ModuleUsageTracking:? user=(%s) (module=%s path=%s) host=(%s) time=(\d{10}\.\d{6})"
    rb"(?: userload=(yes|no))?(?: jobid=([!#-&(-Z^-~]{1,64}))?([^\n]*)\n" % ((NAME,) * 4)
)
QUOTE = re.compile(rb"[\"']")
USER_LOAD = {b"": -1, b"no": 0, b"yes": 1}
IGNORED = -(1 << 62)  # in place of a module's part of a key: the key becomes negative
EARLIEST, LATEST = time_text(record.EARLIEST), time_text(record.LATEST)
MOST_DAYS = 40  # of one block are counted by column


class OddName(Exception):
    """A name that is not stored as it stands in the log."""


class KeyParts(dict):
    """What stands in the log -> its part of a key; made by a function when it is met first."""

    def __init__(self, make):
        self._make = make

    def __missing__(self, written):
        part = self[written] = self._make(written)
        return part


class LogTally(Tally):
    """A Tally that takes blocks of whole lines."""

    def forget_names(self):
        super().forget_names()
        self._user_parts, self._module_parts = KeyParts(self._add_user), KeyParts(self._add_module)

    def clear(self):
        self._spot_parts, self._days = {}, {}  # host -> its part of a key; host -> (start, end)
        super().clear()

    def has_many_names(self):
        written = len(self._user_parts) + len(self._module_parts) + len(self._spot_parts)
        return written > MAX_REMEMBERED or super().has_many_names()

    def add_block(self, block, first_line):
        """Count the lines of a block; first_line is the number of its first."""
        line_count = block.count(b"\n")
        found = STANDARD_LINE.findall(block)
        columns = [range(first_line, first_line + line_count), *zip(*found)]
        if len(found) < line_count or any(columns[-1]) or may_have_long_line(block):
            columns = self._set_apart(block.split(b"\n")[:-1], first_line)
        if columns[0]:
            left = self._add_columns(*columns)
            lines = block.split(b"\n") if left else ()
            for number in left:
                self.add_line(lines[number - first_line], number)
        self.totals.lines += line_count

    def _set_apart(self, lines, first_line):
        """Count what is not standard among lines; return the columns of what is."""
        numbers, found = [], []
        for number, line in enumerate(lines, first_line):
            match = STANDARD_LINE.search(line + b"\n") if len(line) <= MAX_LINE_BYTES else None
            if match and not match[7]:
                numbers.append(number)
                found.append(match.groups(b""))
            else:
                self.add_line(line, number)
        return [numbers, *zip(*found)]

    def _add_columns(self, numbers, users, modules, hosts, times, user_loads, job_ids, _rest):
        """Count standard lines, day by day; return the numbers of those that it could not."""
        of_user = map(self._user_parts.__getitem__, users)
        of_module = map(self._module_parts.__getitem__, modules)
        try:
            parts = list(map(operator.add, of_user, of_module))
        except OddName:
            return numbers
        if min(times) < EARLIEST or max(times) >= LATEST:
            return numbers
        columns = [numbers, parts, hosts, times, user_loads, job_ids]
        for _day in range(MOST_DAYS):
            try:
                end = self._end_of_day(set(columns[2]), min(columns[3]))
            except OddName:
                return columns[0]
            if max(columns[3]) < end:
                self._add_day(*columns)
                return ()
            early = [time < end for time in columns[3]]
            self._add_day(*selected(columns, early))
            columns = selected(columns, [not is_early for is_early in early])
        return columns[0]

    def _add_user(self, written):
        return key_of(0, self.users.number(sound(written, "user")), 0)

    def _add_module(self, written):
        module, path = written[len(b"module=") :].split(b" path=", 1)
        module, path = sound(module, "module"), sound(path, "path")
        if self.is_ignored(module):
            return IGNORED
        return key_of(0, 0, self.modules.number((module, path)))

    def _end_of_day(self, hosts, time):
        """Return when the day around a time ends on the first of some hosts, as a time_text.

        Raises OddName.
        """
        for host in hosts:
            start, end = self._days.get(host, (LATEST, LATEST))
            if not start <= time < end:
                try:
                    spot, day = self.spot_of(sound(host, "host"), float(time))
                except record.Rejected as reason:
                    raise OddName from reason
                self._spot_parts[host] = key_of(spot, 0, 0)
                self._days[host] = (time_text(day.start), time_text(day.end))
        return min(self._days[host][1] for host in hosts)

    def _add_day(self, numbers, parts, hosts, times, user_loads, job_ids):
        """Count standard lines of the day that is known of their hosts."""
        keys = list(map(operator.add, parts, map(self._spot_parts.__getitem__, hosts)))
        columns = [numbers, keys, times, user_loads, job_ids]
        if self.rules.ignore or self.rules.user_loads_only:
            wanted = self._wanted(keys, user_loads)
            self.totals.ignored += wanted.count(False)
            columns = selected(columns, wanted)
        self._count(*columns)

    def _wanted(self, keys, user_loads):
        """Return for every load whether the rules let it be counted."""
        unwanted = b"no" if self.rules.user_loads_only else None
        return [key >= 0 and load != unwanted for key, load in zip(keys, user_loads)]

    def _count(self, numbers, keys, times, user_loads, job_ids):
        """Add one load to the count of every key."""
        counts = self.counts
        for key, time in zip(keys, times):
            if key in counts:
                count = counts[key]
                if time > count[1]:
                    count[1] = time
                elif time < count[0]:
                    count[0] = time
                count[2] += 1
            else:
                counts[key] = [time, time, 1, 0]
        for key in itertools.compress(keys, map(b"yes".__eq__, user_loads)):
            counts[key][3] += 1
        self.totals.loads += len(keys)
        if self.rules.keep_loads:
            loads = map(USER_LOAD.__getitem__, user_loads)
            texts = map(bytes.decode, job_ids)
            no_item, one = itertools.repeat(0), itertools.repeat(1)
            self.single_loads += zip(numbers, no_item, times, keys, one, loads, texts)


def sound(name, kind):
    """Return a name of the log, which is printable ASCII, as a text. Raises OddName."""
    if len(name) > record.LONGEST[kind] or QUOTE.search(name):
        raise OddName
    return name.decode("ascii")


def may_have_long_line(block):
    """Tell whether a block of lines may hold one that is too long: it would fill one of these
    places."""
    half = MAX_LINE_BYTES // 2
    places = range(0, len(block) - half + 1, half)
    return any(block.find(b"\n", place, place + half) < 0 for place in places)


def selected(columns, wanted):
    """Return the columns with only those lines for which `wanted` is true."""
    return [list(itertools.compress(column, wanted)) for column in columns]
