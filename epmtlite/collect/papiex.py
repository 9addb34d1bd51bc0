"""Read what papiex writes: rows of threads in CSV (version 1), rows of processes in TSV (2).

Nothing is read whole: one line, and one process, at a time. Whatever a row holds, the outcome is
a ProcessRecord or a MalformedRecord.
"""

import csv
from operator import itemgetter
from typing import NamedTuple

from epmtlite.collect import errors
from epmtlite.collect.metric_names import refusal
from epmtlite.collect.texts import is_storable, storable

MOST_LINE_CHARACTERS = 4 << 20
MOST_THREADS = 1000000
MOST_VALUES = 4 << 20  # of all threads of a process
MOST_COLUMNS = 1024
BLOCK_BYTES = 1 << 20
CUT_OFF = (
    "the file ends within this line, so that its last value may have been cut off; if the line is"
    " whole, put a newline behind it"
)
csv.field_size_limit(MOST_LINE_CHARACTERS)

TEXTS = ("tags", "hostname", "exename", "path", "args")
NUMBERS = ("exitcode", "exitsignal", "pid", "generation", "ppid", "pgid", "sid", "numtids")
OPTIONAL = ("exitsignal", "mpinumranks", "mpirank")
# The columns of version 1 that are the process's or that no thread's metric is.
PER_PROCESS = TEXTS + NUMBERS + ("mpinumranks", "mpirank")
PER_THREAD = ("tid", "start", "end")
REQUIRED = tuple(name for name in PER_PROCESS + PER_THREAD if name not in OPTIONAL)
FIELDS_V2 = 16
OF_CONVERT = "finish"  # what the header calls the end of a process, if `convert` wrote it

LONGEST_NUMBER = 24  # with blanks; int() of a text of megabytes would take minutes
LONGEST_SAFE_NUMBER = 18  # digits that always fit in 64 bits
SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1
# Stand for an escaped backslash and an escaped comma while a row is split: UTF-8 has no such
# characters.
HIDDEN_BACKSLASH, HIDDEN_COMMA = "\ud800", "\ud801"


class MalformedRecord(errors.MalformedError):
    """A row that cannot be what papiex wrote: in which file, in which line, and why."""

    def __init__(self, file, line, reason):
        super().__init__(f"{file}, line {line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class ProcessRecord(NamedTuple):
    """One process: start and end in microseconds since the epoch, the metrics of each thread in
    the order of names, which is one tuple for all records of a file."""

    tags: str
    hostname: str
    exename: str
    path: str
    args: str
    exitcode: int
    exitsignal: int
    pid: int
    generation: int
    ppid: int
    pgid: int
    sid: int
    numtids: int
    start: int
    end: int
    names: tuple
    threads: list


def text_lines(stream, name):
    """Yield the lines of a binary stream as text without their ends, one block at a time.

    Bytes that are not UTF-8 become surrogates (PEP 383). Raises MalformedRecord for a line that
    is too long, and for a last one without its newline: a number that was cut off is one, too.
    papiex and EPMT end each line with a newline.
    """
    rest, number = b"", 0
    for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > MOST_LINE_CHARACTERS:
            raise too_long(name, number + len(lines) + 1)
        number += len(lines)
        if lines:
            yield from b"\n".join(lines).decode("utf-8", "surrogateescape").split("\n")
    if rest.strip(b"\r"):
        raise MalformedRecord(name, number + 1, CUT_OFF)


def too_long(name, number):
    """Return the error about a line."""
    reason = f"longer than {MOST_LINE_CHARACTERS} characters"
    return MalformedRecord(name, number, reason)


def integers(texts):
    """Return texts as a tuple of numbers. Raises ValueError for one that is none of 64 bits."""
    longest = max(map(len, texts), default=0)
    if longest > LONGEST_NUMBER or "_" in "".join(texts):
        raise ValueError("a field should be a number")
    numbers = tuple(map(int, texts))
    if longest > LONGEST_SAFE_NUMBER and (min(numbers) < SMALLEST or max(numbers) > LARGEST):
        raise ValueError("a number does not fit in 64 bits")
    return numbers


# Version 1


class Columns:
    """Where the columns of a file of version 1 are: its header, understood."""

    def __init__(self, header, name, number):
        """Raises MalformedRecord unless header (line number of the file) has what is needed."""
        columns = [column.strip() for column in header.split(",")]
        missing = [column for column in REQUIRED if column not in columns]
        if missing:
            reason = "no header of a papiex file: it has no column {}".format(", ".join(missing))
            raise MalformedRecord(name, number, reason)
        if len(columns) > MOST_COLUMNS or len(set(columns)) < len(columns) or "" in columns:
            raise MalformedRecord(name, number, "the header has too many or repeated columns")
        self.columns, self.count = columns, len(columns)
        self.names = tuple(c for c in columns if c not in PER_PROCESS + PER_THREAD)
        if refusal(self.names):
            raise MalformedRecord(name, number, refusal(self.names))
        self.pid = columns.index("pid")
        self.numtids = columns.index("numtids")
        self.has_signal = "exitsignal" in columns
        metrics = [columns.index(column) for column in self.names]
        times = [columns.index("start"), columns.index("end")]
        numbers = [columns.index(column) for column in NUMBERS if column in columns]
        self.texts_of = itemgetter(*[columns.index(column) for column in TEXTS])
        self.numbers_of = itemgetter(*(numbers + times + metrics))
        self.thread_of = itemgetter(*(times + metrics))
        self.process_only = [columns.index(c) for c in PER_PROCESS if c in columns]

    def split(self, line):
        """Return the fields of a row, escapes hidden. Raises ValueError unless all are there."""
        if "\\" in line:
            line = line.replace("\\\\", HIDDEN_BACKSLASH).replace("\\,", HIDDEN_COMMA)
        fields = line.split(",")
        if len(fields) != self.count:
            reason = "Header: {} delimiters, but this row has {} delimiters"
            raise ValueError(reason.format(self.count - 1, len(fields) - 1))
        return fields

    def filled(self, line, values):
        """Return a row; if it is the first of a process, with values {column: text} in the fields
        that are empty. Raises ValueError."""
        fields = self.split(line)
        if not fields[self.pid]:
            return line
        for column, text in values.items():
            place = self.columns.index(column)
            fields[place] = fields[place] or escaped(text)
        return joined(fields)

    def process(self, fields, line, old_tags):
        """Return the ProcessRecord of the first row of a process, with its first thread.

        Raises ValueError for a field that should be a number.
        """
        texts = self.texts_of(fields)
        if "\\" in line or "\t" in line or not is_storable(line):
            texts = tuple(map(unescaped, texts))
        numbers = integers(self.numbers_of(fields))
        if not self.has_signal:
            numbers = numbers[:1] + (0,) + numbers[1:]
        check_threads(numbers[7], len(self.names))
        if old_tags and not texts[0]:
            texts = (old_tags,) + texts[1:]
        return ProcessRecord._make(texts + numbers[:10] + (self.names, [numbers[10:]]))


def escaped(text):
    """Return a text as a field of version 1 has it, of which unescaped makes the same again."""
    text = text.replace("\\", HIDDEN_BACKSLASH).replace(",", HIDDEN_COMMA)
    return text.replace("\n", "\\n").replace("\r", "\\r")


def joined(fields):
    """Return the row of fields whose escapes are hidden."""
    return ",".join(fields).replace(HIDDEN_COMMA, "\\,").replace(HIDDEN_BACKSLASH, "\\\\")


def check_threads(count, metrics):
    """Raise ValueError unless a process may have that many threads, with that many metrics."""
    if not 0 < count <= MOST_THREADS or count * metrics > MOST_VALUES:
        raise ValueError(f"numtids is {count}, which is too few or too many")


def unescaped(text):
    """Return a text field of version 1 as it was meant.

    papiex writes a backslash before a comma and a backslash, and a newline or TAB as \\n or \\t:
    these stay so, since a row of version 2 could not hold them otherwise.
    """
    text = text.replace(HIDDEN_COMMA, ",").replace(HIDDEN_BACKSLASH, "\\").replace("\t", "\\t")
    return storable(text)


def read_v1(lines, name):
    """Yield the ProcessRecord of each process in the lines of a CSV file, name for messages.

    Comments and blank lines are skipped; the first comment is the tag of processes without tags.
    Raises MalformedRecord.
    """
    numbered = enumerate(lines, 1)
    columns, old_tags = read_header(numbered, name)
    if columns is None:
        return
    number, record = 0, None
    for number, line in numbered:
        if len(line) > MOST_LINE_CHARACTERS:
            raise too_long(name, number)
        line = line.rstrip("\r\n")
        if not line or (line[0] == "#" and "," not in line):
            continue
        try:
            fields = columns.split(line)
            if record is None:
                record = columns.process(fields, line, old_tags)
            else:
                record.threads.append(next_thread(columns, fields, record))
        except ValueError as error:
            raise MalformedRecord(name, number, reason_of(error)) from None
        if len(record.threads) == record.numtids:
            yield record
            record = None
    if record is not None:
        raise MalformedRecord(name, number, too_few_rows(record))


def read_header(numbered, name):
    """Return the Columns of a file and its old tag, '' for none; (None, '') for an empty file."""
    comment = None
    for number, line in numbered:
        text = line.strip()
        if len(line) > MOST_LINE_CHARACTERS:
            raise too_long(name, number)
        if text and not text.startswith("#"):
            return Columns(text, name, number), storable(comment or "")
        if text and comment is None:
            comment = old_tags_of(text)
    return None, ""


def old_tags_of(comment):
    """Return the tags that the first comment of a file gives to its processes without any."""
    return comment.strip().lstrip("#").strip().replace("\t", "\\t")


def next_thread(columns, fields, record):
    """Return the metrics of a further thread. Raises ValueError if the row is a process's."""
    if fields[columns.pid] or fields[columns.numtids]:
        raise ValueError(too_few_rows(record))
    if any(fields[position] for position in columns.process_only):
        raise ValueError("the row of a further thread has fields of a process")
    return integers(columns.thread_of(fields))[2:]


def too_few_rows(record):
    """Return the reason why a process is not whole."""
    message = "process {} should have {} rows of threads, but has {}"
    return message.format(record.pid, record.numtids, len(record.threads))


def reason_of(error):
    """Return what a ValueError says, in a person's words."""
    text = str(error)
    return "a field should be a number" if text.startswith("invalid literal") else text


# Version 2


def metric_names(header, name):
    """Return the metrics of a header line of version 2: the names in braces of its first field.

    Raises MalformedRecord.
    """
    first = header[:MOST_LINE_CHARACTERS].split("\t", 1)[0].strip()
    if len(first) < 2 or first[0] + first[-1] != "{}":
        raise MalformedRecord(name, 1, "no header of a papiex file: no {metrics} at its begin")
    names = tuple(text.strip() for text in first[1:-1].split(",")) if first != "{}" else ()
    if len(names) > MOST_COLUMNS or len(set(names)) < len(names) or "" in names:
        raise MalformedRecord(name, 1, "the header has too many or repeated metrics")
    if refusal(names):
        raise MalformedRecord(name, 1, refusal(names))
    return names


def read_v2(lines, header, name):
    """Yield the ProcessRecord of each line of a TSV file, name for messages.

    header is the line of its header file. Raises MalformedRecord.
    """
    names = metric_names(header, name)
    split = converted_fields if OF_CONVERT in header.split("\t") else literal_fields
    for number, line in enumerate(lines, 1):
        if len(line) > MOST_LINE_CHARACTERS:
            raise too_long(name, number)
        line = line.rstrip("\n")
        if not line:
            continue
        try:
            yield process_v2(line, split(line), names)
        except ValueError as error:
            raise MalformedRecord(name, number, reason_of(error)) from None


def literal_fields(line):
    """Return the fields of a row of papiex: nothing in it is quoted."""
    return line.split("\t", FIELDS_V2 - 1)


def converted_fields(line):
    """Return the fields of a row that `convert` wrote; EPMT's own has quotes around some, and CR at
    the end."""
    if line[-1] == "\r":
        try:
            return next(csv.reader([line], "excel-tab", strict=True))
        except csv.Error:
            pass  # the quotes are those of an argument
    return literal_fields(line)


def process_v2(line, fields, names):
    """Return the ProcessRecord of a row. Raises ValueError with what is wrong with it."""
    if len(fields) != FIELDS_V2:
        raise ValueError(f"{len(fields)} fields instead of {FIELDS_V2}")
    texts = tuple(fields[1:5]) + (fields[15],)
    if not is_storable(line):
        texts = tuple(map(storable, texts))
    numbers = integers(fields[5:15])
    check_threads(numbers[7], len(names))
    threads = threads_v2(fields[0], numbers[7], len(names))
    return ProcessRecord._make(texts + numbers + (names, threads))


def threads_v2(array, count, metrics):
    """Return the metrics of each thread from {…}. Raises ValueError unless the counts agree."""
    if len(array) < 2 or array[0] != "{" or array[-1] != "}":
        raise ValueError("the first field is no array of metrics")
    values = integers(array[1:-1].split(",")) if array[1:-1].strip() else ()
    if len(values) != count * metrics:
        message = "{} metrics instead of {} for each of {} threads"
        raise ValueError(message.format(len(values), metrics, count))
    if count == 1:
        return [values]
    return [values[metrics * thread : metrics * (thread + 1)] for thread in range(count)]
