"""The data of one job: its metadata and its processes, from a directory or an archive."""

import contextlib
import os
import tempfile

from epmtlite.collect import errors, metaformat, names, papiex, tarball
from epmtlite.collect.files import open_directory, open_regular, read_whole, write_error

MOST_HEADER_BYTES = 1 << 20
MOST_SPOOLED_BYTES = 64 << 30
BLOCK_BYTES = 1 << 20


def open_job(path, pattern=names.DATA_PATTERN):
    """Return the job of a directory or an archive, to be used in a with statement.

    It has .path, .name, .metadata (a dictionary, see metaformat) and .files(). An archive is read
    once: files() can be called once. pattern says which files hold data.
    """
    if os.path.isdir(path):
        return DirectoryJob(path, pattern)
    return ArchiveJob(path, pattern)


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
        found = [base for base in os.listdir(self.directory) if names.is_data(base, self.pattern)]
        for base in sorted(found, key=lambda base: (names.host_of(base), base)):
            header = self.header(base) if names.kind_of(base) == "v2" else None
            with self.open(base) as file:
                yield self.records(base, file, header)

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
    """A job in an archive, read once; what comes before it can be used waits in a file."""

    def __enter__(self):
        self.members = tarball.open_archive(self.path)
        self.spool = Spool()
        self.headers = {}  # host as in the name: line
        self.waiting = []  # (base name, begin and size in the spool)
        self.seen = set()
        try:
            self.metadata = self.read_to_metadata()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        self.members.close()
        self.spool.close()

    def read_to_metadata(self):
        """Return the metadata; keep the files that come before them."""
        for member in self.relevant():
            if member.base == names.METADATA:
                shown = self.shown(member.base)
                return metaformat.loads(read_whole(member, metaformat.MOST_BYTES, shown), shown)
            if names.is_header(member.base):
                self.keep_header(member)
            else:
                self.keep(member)
        raise self.no_metadata()

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

    def keep_header(self, member):
        """Note the header of a host."""
        host = names.host_of(member.base)
        self.headers[host] = header_text(member, self.shown(member.base))

    def keep(self, member):
        """Put a file where it waits."""
        self.waiting.append((member.base, self.spool.add(member)))

    def files(self):
        """Yield (name, "v1" or "v2", host, iterator of ProcessRecord) of each file, once.

        An iterator can be used until the next file is asked for. Raises MalformedError; the
        iterators MalformedRecord.
        """
        yield from self.ready()
        for member in self.relevant():
            if names.is_header(member.base):
                self.keep_header(member)
                yield from self.ready()
            elif self.has_header(member.base):
                yield self.records(member.base, member, self.header(member.base))
            else:
                self.keep(member)
        for base, _place in self.waiting:
            raise self.no_header(base)

    def ready(self):
        """Yield the files that waited and can be read now."""
        ready = [one for one in self.waiting if self.has_header(one[0])]
        self.waiting = [one for one in self.waiting if not self.has_header(one[0])]
        for base, place in ready:
            yield self.records(base, self.spool.view(place), self.header(base))

    def has_header(self, base):
        """Tell whether a file can be read: version 1 has its header in it."""
        return names.kind_of(base) == "v1" or names.host_of(base) in self.headers

    def header(self, base):
        """Return the header of a file, None for version 1."""
        return self.headers[names.host_of(base)] if names.kind_of(base) == "v2" else None


class Spool:
    """Bytes that wait, in a file without a name."""

    def __init__(self):
        self.file = None
        self.size = 0

    def add(self, source):
        """Copy a stream; return (begin, end). Raises WriteError, or MalformedError for too much."""
        begin = self.size
        try:
            self.file = self.file or tempfile.TemporaryFile()  # noqa: SIM115 - see close
            self.file.seek(begin)
            for block in iter(lambda: source.read(BLOCK_BYTES), b""):
                self.size += len(block)
                if self.size > MOST_SPOOLED_BYTES:
                    raise errors.MalformedError("an archive of more than any job has")
                self.file.write(block)
        except OSError as error:
            raise write_error(tempfile.gettempdir(), error) from error
        return begin, self.size

    def view(self, place):
        """Return a stream of what was added there."""
        return View(self.file, *place)

    def close(self):
        """Give the space back."""
        if self.file:
            with contextlib.suppress(OSError):
                self.file.close()


class View:
    """A part of a file as a stream."""

    def __init__(self, file, begin, end):
        self.file, self.position, self.end = file, begin, end

    def read(self, count):
        """Return the next bytes, b"" at the end of the part."""
        self.file.seek(self.position)
        block = self.file.read(min(count, self.end - self.position))
        self.position += len(block)
        return block
