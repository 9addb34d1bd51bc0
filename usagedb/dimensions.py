"""Numbers for names: the rows of small dimension tables, fetched and made in bulk."""

from usagedb.database import in_parts

MAX_CACHED = 500_000


class Dimension:
    """One dimension table; remembers the numbers it has seen.

    table has a serial id column and one unique key column. row_of(value) returns the whole row
    (without the id) that a value becomes; its first column is the unique key.
    """

    def __init__(self, table, id_column, columns, row_of):
        self.table, self.id_column = table, id_column
        self.columns, self.row_of = columns, row_of
        self._numbers = {}

    def numbers(self, database, values):
        """Return {value: id} for all values; makes the missing rows. Commits.

        Call it outside a transaction: a row made here stays, also when the caller's batch is
        undone, and so a remembered number is always right.
        """
        if len(self._numbers) > MAX_CACHED:
            self._numbers.clear()
        missing = [value for value in dict.fromkeys(values) if value not in self._numbers]
        if missing:
            self._fetch(database, missing)
            new = [value for value in missing if value not in self._numbers]
            rows = sorted({row[0]: row for row in map(self.row_of, new)}.values())
            with database.transaction():
                database.insert_rows(self.table, self.columns, rows, key=(self.columns[0][0],))
            self._fetch(database, new)
        return {value: self._numbers[value] for value in values}

    def _fetch(self, database, values):
        key = self.columns[0][0]
        wanted = {self.row_of(value)[0]: value for value in values}
        sql = f"SELECT {key}, {self.id_column} FROM {self.table} WHERE {key} IN ({{}})"  # noqa: S608
        for found, number in in_parts(database, sql, wanted):
            found = bytes(found) if isinstance(found, (bytearray, memoryview)) else found
            self._numbers[wanted[found]] = number
