"""What the columns of an XALT database can hold: those of a site may be narrower than ours."""

import re

from usagedb.schema import COMMENT, read_sql
from usagedb.widths import shortened

TABLES = ("xalt_run", "xalt_link", "xalt_object", "xalt_pkg", "xalt_env_name", "xalt_function")
CREATE = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\);", re.DOTALL)
WIDEN = re.compile(r"ALTER TABLE (\w+) WIDEN (\w+) TO CHARS\((\d+)\)")
COLUMN = re.compile(r'^\s*"?(\w+)"?\s+CHARS\((\d+)\)', re.MULTILINE)
# Bits of the integers that MySQL names so; one less without `unsigned`.
INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
LARGEST_INTEGER = 2**31 - 1
OLDER_UTF8 = ("utf8", "utf8mb3")  # of MySQL: three bytes a character at most


class Widths:
    """Fits values to the columns of one database."""

    def __init__(self, database):
        """Read what the tables can hold."""
        self._longest, self._narrow, self._largest = own_widths(), set(), {}
        for table in TABLES:
            for column, found in database.dialect.column_types(database, table).items():
                self._note(table, column, *found)

    def _note(self, table, column, kind, length, charset):
        place = (table, column)
        if place in self._longest and length:
            self._longest[place] = min(self._longest[place], length)
        if charset in OLDER_UTF8:
            self._narrow.add(place)
        bits = INTEGER_BITS.get(re.split(r"[ (]", kind)[0])
        if bits:
            self._largest[place] = 2 ** (bits - (0 if "unsigned" in kind else 1)) - 1

    def text(self, table, column):
        """Return a function that makes a text fit a column; a digest ends what it cuts."""
        longest = self._longest[table, column]
        is_narrow = (table, column) in self._narrow

        def fit(text):
            if is_narrow and not text.isascii():
                text = without_wide_characters(text)
            return text if len(text) <= longest else shortened(text, longest)

        return fit

    def number(self, table, column):
        """Return the largest integer that a column holds."""
        return min(self._largest.get((table, column), LARGEST_INTEGER), LARGEST_INTEGER)


def own_widths():
    """Return {(table, column): most characters} of the tables as createDB makes them."""
    text = "\n".join(COMMENT.sub("", line) for line in read_sql("xalt.sql").splitlines())
    created = {
        (table, column): int(width)
        for table, columns in CREATE.findall(text)
        for column, width in COLUMN.findall(columns)
    }
    widened = {(table, column): int(width) for table, column, width in WIDEN.findall(text)}
    return {**created, **widened}


def without_wide_characters(text):
    """Return a text with characters that MySQL's older utf8 cannot hold written as \\UXXXXXXXX."""
    return re.sub("[\U00010000-\U0010ffff]", lambda found: f"\\U{ord(found[0]):08x}", text)
