"""Write what is stored about a person: one JSON document, or a directory of JSON lines."""

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any

from usagedb import errors

LONGEST_NAME = 200


class Document:
    """One JSON document: {schema: {table: [row, …]}}; {} for nothing."""

    def __init__(self, stream):
        """Write to an open text stream."""
        self.stream = stream
        self.rows = 0
        self._schema = self._table = None

    def add(self, schema, table, row):
        """Write a row; those of a table come one after the other."""
        if self._schema != schema:
            self._end_schema()
            self.stream.write("{\n" if self.rows == 0 else ",\n")
            self.stream.write(f" {json.dumps(schema)}: {{")
        if (self._schema, self._table) != (schema, table):
            if self._schema == schema:
                self.stream.write("\n  ],")
            self.stream.write(f"\n  {json.dumps(table)}: [\n   ")
        else:
            self.stream.write(",\n   ")
        self.stream.write(json.dumps(row))
        self._schema, self._table = schema, table
        self.rows += 1

    def _end_schema(self):
        if self._schema is not None:
            self.stream.write("\n  ]\n }")

    def close(self):
        """Write the end."""
        self._end_schema()
        self.stream.write("\n}\n" if self.rows else "{}\n")


class Directory:
    """A directory with a file schema-table.jsonl for each table, one row a line."""

    def __init__(self, path):
        """Make the directory, mode 0700. Raises UsageError if there is something in it."""
        self.path = Path(path)
        self.rows = 0
        self._table = None
        self._file: Any = None
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            if any(self.path.iterdir()):
                raise errors.UsageError(f"{path} is not empty: name a new directory")
            self.path.chmod(0o700)
        except PermissionError as error:
            raise errors.RefusedError(f"cannot write {path}: {error.strerror}") from error
        except OSError as error:
            raise errors.WriteError(f"cannot make {path}: {error.strerror}") from error

    def add(self, schema, table, row):
        """Write a row."""
        try:
            if self._table != (schema, table):
                self._close_file()
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
                name = re.sub(r"[^\w.-]+", "_", f"{schema}-{table}", flags=re.ASCII)
                place = self.path / f"{name[-LONGEST_NAME:]}.jsonl"
                self._file = os.fdopen(os.open(place, flags, 0o600), "w", encoding="utf-8")
                self._table = schema, table
            self._file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error
        self.rows += 1

    def _close_file(self):
        if self._file:
            self._file.close()
            self._file = None

    def close(self):
        """Close the last file."""
        try:
            self._close_file()
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error


@contextlib.contextmanager
def opened(directory, stream):
    """Give the block a Directory, or without one a Document on a stream; closes it."""
    target = Directory(directory) if directory else Document(stream)
    yield target
    target.close()
