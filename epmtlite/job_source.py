"""Read one job, from a directory or an archive, up to the point where it can be stored."""

import logging
import os
from typing import NamedTuple, Optional

from epmtlite import known, ownership, tagtext
from epmtlite.collect import errors, names, papiex
from epmtlite.collect.archive import ArchiveJob, DirectoryJob, Job
from epmtlite.collect.files import is_directory, is_gone, listed, read_error, status_of
from epmtlite.facts import Facts, facts_of
from epmtlite.parts import Lines
from epmtlite.reading import Processes

logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """A job as its files have it; close its processes."""

    facts: Facts
    processes: Processes
    known: Optional[known.Known]  # as it was known before: then these are the same processes
    unread: tuple  # names of what else is in the directory or archive, in order


def read_job(path, settings, look_up=lambda facts: None):
    """Return what is Found in a directory or an archive.

    look_up(Facts) returns the known.Known job of that number, None if it is a new one.
    Raises CollectError, also if the known job is not this one.
    """
    with opened(path, settings.input_pattern) as source, tagtext.bad_tags_counted(path) as bad:
        facts = facts_of(source.metadata, settings, os.environ, lambda: when_it_ran(path, settings))
        ownership.check(source.owners, facts.user, settings, path)
        bad.what = f"job {facts.jobid} in {path}"
        before = look_up(facts)
        if before:
            known.check_times(before, facts)
        processes = Processes(facts.start, facts.end, keeps_rows=not before)
        try:
            add_files(source, processes)
            ownership.check(source.owners, facts.user, settings, path)
            if before:
                known.check_same(before, facts, processes)
            return Found(facts, processes, before, source.unread())
        except BaseException:
            processes.close()
            raise


def opened(path, pattern):
    """Return the job of a directory or an archive, to be used in a with statement. Raises
    RefusedError or UnavailableError if nobody can say which it is."""
    return WholeDirectory(path, pattern) if is_directory(path) else WholeArchive(path, pattern)


def when_it_ran(path, settings):
    """Return when the first process of a job began and the last one ended, in microseconds since
    the epoch; (None, None) without any. Raises CollectError."""
    first = last = None
    with opened(path, settings.input_pattern) as source:
        for _name, _kind, _host, (records, _lines) in source.files():
            for one in records:
                first = one.start if first is None else min(first, one.start)
                last = one.end if last is None else max(last, one.end)
    return first, last


def add_files(source, processes):
    """Read all data files of a job."""
    count = 0
    for count, (name, _kind, host, (records, lines)) in enumerate(source.files(), 1):  # noqa: B007
        processes.add_file(source.shown(name), host, records, lines)
    source.check_there()
    if not count:
        logger.warning("%s has no data files: a job without processes", source.path)


class NumberedJob(Job):
    """A job whose records come with the Lines that they are read from."""

    def records(self, base, stream, header):
        """Return what files() yields of one file: (records, Lines) in the place of the records."""
        shown = self.shown(base)
        is_v1 = header is None
        lines = Lines(papiex.text_lines(stream, shown), has_row_per_thread=is_v1)
        found = papiex.read_v1(lines, shown) if is_v1 else papiex.read_v2(lines, header, shown)
        return base, names.kind_of(base), self.host(base), (found, lines)


class WholeDirectory(NumberedJob, DirectoryJob):
    """A directory that knows what of it was read, and whose that is."""

    def __enter__(self):
        self.opened, self.owners = set(), set()
        return super().__enter__()

    def open(self, base):
        """Open a file of the directory, and note that."""
        file = super().open(base)
        self.opened.add(base)
        self.owners.add(status_of(file).st_uid)
        return file

    def check_there(self):
        """Raise MissingError if somebody has begun to remove the directory: then not all was read
        of it."""
        try:
            os.stat(names.METADATA, dir_fd=self.directory)
        except OSError as error:
            if not is_gone(error):
                raise read_error(self.path, error) from error
            text = f"{self.path} was removed while it was read"
            raise errors.MissingError(text) from error

    def unread(self):
        """Return the names of what else is there, in order."""
        others = set(listed(self.directory, self.path)) - self.opened
        # A header without a data file says nothing.
        return tuple(sorted(name for name in others if not names.is_header(name)))


class WholeArchive(NumberedJob, ArchiveJob):
    """An archive that knows what of it was read, and whose it is."""

    def __enter__(self):
        self.others, self.is_noting = [], False
        super().__enter__()
        self.owners = {status_of(self.file).st_uid}
        return self

    def check_there(self):
        """Do nothing: an open file can be read to its end, whoever removes it."""

    def relevant(self):
        """Yield the members that are the job's; note the others."""
        if not self.is_noting:
            self.members, self.is_noting = self.noted(self.members), True
        return super().relevant()

    def noted(self, members):
        """Yield all members; close what they come from at the end."""
        try:
            for member in members:
                if not (
                    member.base == names.METADATA
                    or names.is_header(member.base)
                    or names.is_data(member.base, self.pattern)
                ):
                    self.others.append(member.path)
                yield member
        finally:
            members.close()

    def unread(self):
        """Return the names of the other members, in order."""
        return tuple(sorted(self.others))
