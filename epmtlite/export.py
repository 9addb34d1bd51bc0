"""Write many jobs or processes to one file, CSV or Parquet, a few in memory at a time."""

import csv
import datetime
import json
import logging

from epmtlite.analysis.errors import needed
from epmtlite.collect.papiex import LARGEST, SMALLEST
from usagedb.dialects.base import chunks
from usagedb.files import new_file_mode, whole_file
from usagedb.terminal import visible

logger = logging.getLogger(__name__)

ROWS_PER_CHUNK = 10_000
MOMENTS = ("start", "end", "submit", "created_at", "updated_at")
# What is no number; dictionaries and lists become JSON.
TEXTS = (
    "cluster", "jobid", "job", "jobname", "zone", "user", "host", "hosts", "exename", "path",
    "args", "tags", "all_proc_tags", "annotations", "analyses", "info_dict", "env_dict",
    "env_changes_dict",
)  # fmt: skip


def write(records, keys, form, path):
    """Write dictionaries, with these keys as columns, and return how many they were.

    form is csv or parquet; path is a file, or a binary stream for csv. A file appears when it is
    whole, in the place of one of that name. Raises WriteError or RefusedError, and MissingLibrary
    for parquet without pyarrow.
    """
    if hasattr(path, "write"):
        return write_csv(records, keys, path)
    writer = {"csv": write_csv, "parquet": write_parquet}[form]
    if form == "parquet":
        needed("pyarrow")
    with whole_file(path, new_file_mode()) as stream:
        return writer(records, keys, stream)


def write_csv(records, keys, stream):
    """Write dictionaries as CSV, UTF-8, to a binary stream; return how many."""
    count = 0
    text = TextStream(stream)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(visible, keys))
    for count, record in enumerate(records, 1):  # noqa: B007
        writer.writerow([cell(record.get(key)) for key in keys])
    text.flush()
    return count


class TextStream:
    """Writes texts to a binary stream in large pieces, and leaves that open."""

    def __init__(self, stream, characters=1 << 16):
        self.stream, self.characters = stream, characters
        self.parts: list = []
        self.size = 0

    def write(self, text):
        """Take a text."""
        self.parts.append(text)
        self.size += len(text)
        if self.size >= self.characters:
            self.flush()

    def flush(self):
        """Write what was taken."""
        self.stream.write("".join(self.parts).encode("utf-8", "backslashreplace"))
        self.parts, self.size = [], 0


def cell(value):
    """Return a value as it stands in a file: moments in ISO 8601, dictionaries as JSON."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, default=str)
    return value


def write_parquet(records, keys, stream):
    """Write dictionaries as Parquet to a binary stream; return how many.

    Columns of MOMENTS are moments (microseconds, UTC), those of TEXTS texts, all others integers of
    64 bits; a sum that does not fit in these is missing, with a warning.
    """
    pyarrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    types = dict.fromkeys(TEXTS, pyarrow.string())
    types.update(dict.fromkeys(MOMENTS, pyarrow.timestamp("us", "UTC")))
    schema = pyarrow.schema([(key, types.get(key, pyarrow.int64())) for key in keys])
    count, too_large = 0, 0
    with parquet.ParquetWriter(stream, schema) as writer:
        for chunk in chunks(records, ROWS_PER_CHUNK):
            columns = {key: [parquet_cell(record.get(key)) for record in chunk] for key in keys}
            writer.write_table(pyarrow.table(columns, schema=schema))
            count += len(chunk)
            too_large += sum(is_too_large(record.get(key)) for record in chunk for key in keys)
    if too_large:
        logger.warning(
            "%d numbers do not fit in 64 bits and are missing in the file: CSV has them", too_large
        )
    return count


def is_too_large(value):
    """Tell whether a value is a number that does not fit in 64 bits."""
    return isinstance(value, int) and not SMALLEST <= value <= LARGEST


def parquet_cell(value):
    """Return a value as pyarrow takes it."""
    if is_too_large(value):
        return None
    return value if isinstance(value, datetime.datetime) else cell(value)
