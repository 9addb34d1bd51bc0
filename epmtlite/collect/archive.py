"""The data of one job: its metadata and its processes, from a directory or an archive."""

import os
import re

from epmtlite.collect import errors, metaformat, names, papiex, tarball
from epmtlite.collect.files import listed, open_directory, open_regular, read_whole

MOST_HEADER_BYTES = 1 << 20
MOST_EMPTY_LINES = 4096  # one after the other
MOST_GAP_BYTES = len(b"\r\n") * (MOST_EMPTY_LINES + 2)
GAPS = re.compile(b"\n(?:\r?\n){1,%d}" % (MOST_EMPTY_LINES + 1))


class WithoutGaps:
    """A file of lines, many of which in a row are never empty: readers skip those, and gigabytes
    of them pack into little."""

    def __init__(self, stream, shown):
        """shown is the name of the file for messages."""
        self.stream, self.shown = stream, shown
        self.ends, self.line_count = b"\n", 0  # line ends before the next bytes; lines that ended

    def read(self, count):
        """Return the next bytes, b"" at the end. Raises MalformedRecord."""
        block = self.stream.read(count)
        joined = self.ends + block
        for gap in GAPS.finditer(joined):
            if gap.group().count(b"\n") > MOST_EMPTY_LINES + 1:
                before = self.line_count - self.ends.count(b"\n")
                number = before + joined.count(b"\n", 0, gap.start()) + 2
                reason = f"more than {MOST_EMPTY_LINES} lines from here on are empty"
                raise papiex.MalformedRecord(self.shown, number, reason)
        self.line_count += block.count(b"\n")
        self.ends = joined[len(joined.rstrip(b"\r\n")) :][-MOST_GAP_BYTES:]
        return block


class Job:
    """What both kinds of job share."""

    def __init__(self, path, pattern):
        self.path, self.pattern = path, pattern
        self.name = os.path.basename(os.path.abspath(path))
        self.metadata = {}

    def host(self, base):
        """Return the host of a file: as its name has it, else as the metadata have it."""
        host = names.host_of(base)
        if host != names.UNKNOWN_HOST:
            return host
        return str(self.metadata.get("job_pl_hostname") or host)

    def shown(self, base):
        """Return the name of a file for messages."""
        return os.path.join(self.path, base)

    def lines(self, base, stream):
        """Return the bytes of a file, checked."""
        return WithoutGaps(stream, self.shown(base))

    def records(self, base, stream, header):
        """Return what files() yields of one file; header is None for version 1."""
        lines = papiex.text_lines(stream, self.shown(base))
        if header is None:
            rows = papiex.read_v1(lines, self.shown(base))
        else:
            rows = papiex.read_v2(lines, header, self.shown(base))
        return base, names.kind_of(base), self.host(base), rows

    def no_metadata(self):
        """Return the error for a job without metadata."""
        text = f"{self.path} has no {names.METADATA}: was the job stopped?"
        return errors.MalformedError(text)

    def no_header(self, base):
        """Return the error for a file of version 2 without a header."""
        text = f"{self.shown(base)} has no header file {names.header_name(names.host_of(base))}"
        return errors.MalformedError(text)


class DirectoryJob(Job):
    """A job in a directory."""

    def __enter__(self):
        self.directory = open_directory(self.path)
        try:
            with self.open(names.METADATA) as file:
                raw = read_whole(file, metaformat.MOST_BYTES, self.shown(names.METADATA))
            self.metadata = metaformat.loads(raw, self.shown(names.METADATA))
        except errors.MissingError as error:
            os.close(self.directory)
            raise self.no_metadata() from error
        except BaseException:
            os.close(self.directory)
            raise
        return self

    def __exit__(self, *_error):
        os.close(self.directory)

    def open(self, base):
        """Open a file of the directory."""
        return open_regular(base, self.directory, self.shown(base))

    def files(self):
        """Yield (name, "v1" or "v2", host, iterator of ProcessRecord) of each file, by host.

        Raises MalformedError, MissingError or RefusedError; the iterators MalformedRecord.
        """
        there = listed(self.directory, self.path)
        found = [base for base in there if names.is_data(base, self.pattern)]
        for base in sorted(found, key=lambda base: (names.host_of(base), base)):
            header = self.header(base) if names.kind_of(base) == "v2" else None
            with self.open(base) as file:
                yield self.records(base, self.lines(base, file), header)

    def header(self, base):
        """Return the header of a file of version 2."""
        name = names.header_name(names.host_of(base))
        try:
            with self.open(name) as file:
                return header_text(file, self.shown(name))
        except errors.MissingError as error:
            raise self.no_header(base) from error


def header_text(stream, shown):
    """Return the line of a header file. Raises MalformedError if it is too long."""
    raw = read_whole(stream, MOST_HEADER_BYTES, shown)
    return raw.decode("utf-8", "backslashreplace").split("\n", 1)[0]


class ArchiveJob(Job):
    """A job in an archive. It is read once if its metadata come first and each header before its
    data, else what came too early is read in a second pass."""

    def __enter__(self):
        self.file = open_regular(self.path)
        self.headers = {}  # host as in the name: line
        self.early = set()  # base names of data that could not be read yet
        self.begin()
        try:
            self.metadata = self.read_to_metadata()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        self.members.close()
        self.file.close()

    def begin(self):
        """Read from the begin on."""
        self.members = tarball.members(self.file, self.path)
        self.seen = set()

    def relevant(self):
        """Yield the members that are the job's. Raises MalformedError for one that is there twice,
        and for more metadata."""
        for member in self.members:
            base = member.base
            if base in self.seen:
                text = f"{self.path} has two files {base}"
                raise errors.MalformedError(text)
            is_ours = base == names.METADATA or names.is_header(base)
            if is_ours or names.is_data(base, self.pattern):
                self.seen.add(base)
                yield member

    def read_to_metadata(self):
        """Return the metadata; note what comes before them."""
        for member in self.relevant():
            if member.base == names.METADATA:
                shown = self.shown(member.base)
                return metaformat.loads(read_whole(member, metaformat.MOST_BYTES, shown), shown)
            self.note(member)
        raise self.no_metadata()

    def note(self, member):
        """Keep a header, or the name of data that are to be read later."""
        if names.is_header(member.base):
            host = names.host_of(member.base)
            self.headers[host] = header_text(member, self.shown(member.base))
        else:
            self.early.add(member.base)

    def files(self):
        """Yield (name, "v1" or "v2", host, iterator of ProcessRecord) of each file, once.

        An iterator can be used until the next file is asked for. Raises MalformedError; the
        iterators MalformedRecord.
        """
        for member in self.relevant():
            base = member.base
            if names.is_header(base) or not self.has_header(base):
                self.note(member)
            else:
                yield self.records(base, self.lines(base, member), self.header(base))
        if self.early:
            yield from self.early_files()

    def early_files(self):
        """Yield the files that came too early."""
        for base in sorted(self.early):
            if not self.has_header(base):
                raise self.no_header(base)
        self.begin()
        for member in self.relevant():
            base = member.base
            if base in self.early:
                self.early.remove(base)
                yield self.records(base, self.lines(base, member), self.header(base))
        if self.early:
            text = f"{self.path} has changed while it was read"
            raise errors.MalformedError(text)

    def has_header(self, base):
        """Tell whether a file can be read: version 1 has its header in it."""
        return names.kind_of(base) == "v1" or names.host_of(base) in self.headers

    def header(self, base):
        """Return the header of a file, None for version 1."""
        return self.headers[names.host_of(base)] if names.kind_of(base) == "v2" else None
