"""Convert an archive of version 1 (CSV, a row per thread) to version 2 (TSV, a row per process)."""

import os
import tempfile

from epmtlite.collect import errors, locks, names, papiex, tarball
from epmtlite.collect.archive import WithoutGaps
from epmtlite.collect.files import write_whole

# EPMT's names of the fields behind the metrics.
FIELDS = (
    "tags", "hostname", "exename", "path", "exitcode", "exitsignal", "pid", "generation", "ppid",
    "pgid", "sid", "numtids", "start", "finish", "args",
)  # fmt: skip
SUFFIXES = (".tgz", ".tar.gz")


def convert(source, destination, settings):
    """Write the archive source, with its processes as version 2, to destination, which may be
    source itself; it appears whole or not at all. Both are compressed.

    Raises UsageError for names of other kinds, MalformedError for an archive that is version 2
    already or has not exactly one CSV file, UnavailableError if another process writes source anew,
    WriteError and others.
    """
    for path in (source, destination):
        if not path.endswith(SUFFIXES):
            raise errors.UsageError(f"{path} should be named .tgz or .tar.gz")
    with locks.locked_file(source) as file:
        write_whole(
            destination,
            lambda stream: rewrite(file, source, stream, settings),
            like=os.fstat(file.fileno()),
        )


def rewrite(file, source, stream, settings):
    """Write the converted archive, of which file is open: its other members as they come, then
    header and data."""
    before, converted = locks.state_of(file), None
    with tarball.Writer(stream) as archive, tempfile.TemporaryFile() as rows:
        for member in tarball.members(file, source):
            if names.is_header(member.base) or names.kind_of(member.base) == "v2":
                raise errors.MalformedError(f"{source} is version 2 already")
            if not member.base.endswith(".csv"):
                archive.add(member.path, member.size, member, member.mtime)
                continue
            if converted:
                raise errors.MalformedError(f"{source} has several CSV files")
            header = convert_rows(member, f"{source}/{member.base}", rows, settings)
            converted = names.host_of(member.base), header, member.mtime
        if not converted:
            raise errors.MalformedError(f"{source} has no CSV file")
        add_version_2(archive, rows, *converted)
    locks.check_unchanged(source, before)


def add_version_2(archive, rows, host, header, mtime):
    """Add the header and the data of a host to an archive."""
    size = rows.tell()
    rows.seek(0)
    archive.add_bytes(names.header_name(host), header, mtime)
    archive.add(names.data_name(host), size, rows, mtime)


def convert_rows(stream, shown, rows, settings):
    """Write the processes of a CSV file as rows of version 2; return the header, as bytes.

    Raises MalformedError.
    """
    metrics, positions = [], None
    for record in papiex.read_v1(papiex.text_lines(WithoutGaps(stream, shown), shown), shown):
        if positions is None:
            metrics = kept_metrics(record.names, settings)
            positions = [record.names.index(name) for name in metrics]
        line = row_of(record, positions)
        if len(line) > papiex.MOST_LINE_CHARACTERS:
            text = f"{shown}: process {record.pid} has too many threads"
            raise errors.MalformedError(text)
        rows.write(line.encode() + b"\n")
    if positions is None:
        raise errors.MalformedError(f"{shown} has no processes")
    return "\t".join(("{" + ",".join(metrics) + "}",) + FIELDS).encode() + b"\n"


def kept_metrics(found, settings):
    """Return the metrics that version 2 has, in EPMT's order."""
    left_out = set(settings.skip_for_thread_sums) | set(settings.per_process_fields)
    return sorted(name for name in found if name not in left_out)


def row_of(record, positions):
    """Return the row of a process: the metrics at positions, thread after thread."""
    values = ", ".join(str(thread[one]) for thread in record.threads for one in positions)
    fields = (
        record.tags, record.hostname, record.exename, record.path, record.exitcode,
        record.exitsignal, record.pid, record.generation, record.ppid, record.pgid, record.sid,
        record.numtids, record.start, record.end, record.args,
    )  # fmt: skip
    return "\t".join(("{" + values + "}",) + tuple(map(str, fields)))
