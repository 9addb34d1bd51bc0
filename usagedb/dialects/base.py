"""What every dialect answers, and what most of them answer alike."""

import contextlib
import functools
import itertools
import re

# Kinds of columns in a bulk insert: they decide how a value is bound.
INTEGER = "integer"
NULLABLE = "nullable"  # an integer or None
SECONDS = "seconds"  # a time or duration with fractions
REAL = "real"  # a float or None, kept to the last bit
MICROSECONDS = "microseconds"  # an int, stored as the seconds that it stands for
TEXT = "text"
BYTES = "bytes"
DATE = "date"  # a text, YYYY-MM-DD
DATETIME = "datetime"  # a text, YYYY-MM-DD HH:MM:SS
QUOTED_NAME = re.compile(r'"(\w+)"')


class Dialect:
    """One database's words for the things that the suite needs; stateless."""

    backend = ""
    placeholder = "%s"
    begin_statement = "BEGIN"
    # What begins a transaction whose reads all see one state of the database.
    snapshot_statements: tuple = ("BEGIN",)
    # Words of sql/*.sql and what this database calls them.
    types: dict = {}
    # Gives TABLE or VIEW for a name in small letters.
    kind_query = ""
    # Rows per statement of a bulk insert: bounded, so that a statement stays below 1 MB.
    rows_per_statement = 1000

    def connect(self, config):
        """Return an open DB-API connection in autocommit mode.

        Raises UnavailableError, RefusedError or ConfigurationError.
        """
        raise NotImplementedError(self.backend)

    def connect_again(self, config, lost):
        """Return a new connection for one that was lost: `lost`, whose host is tried last.

        Raises what connect raises.
        """
        del lost
        return self.connect(config)

    def translate_error(self, error, config):
        """Return the UsageDBError that a driver's exception means, or None for a bug."""
        raise NotImplementedError(self.backend)

    def is_already_there(self, error):
        """Tell whether a DDL statement failed because what it makes is there already."""
        raise NotImplementedError(self.backend)

    def has_table(self, database, name):
        """Tell whether a table or view of that name exists. Read-only."""
        return self.kind_of_table(database, name) is not None

    def kind_of_table(self, database, name):
        """Return "TABLE" or "VIEW" for what has that name in any letter case, else None."""
        found = database.rows(self.kind_query, (name.lower(),))
        return found[0][0] if found else None

    def joined(self, expression):
        """Return the SQL of an aggregate: the distinct integers of a group, joined by commas."""
        return f"GROUP_CONCAT(DISTINCT {expression})"

    def indexed_columns(self, database, table):
        """Return the columns of a table by which an index begins. Read-only."""
        raise NotImplementedError(self.backend)

    def column_names(self, database, table):
        """Return the names of all columns of a table. Read-only."""
        with contextlib.closing(database.connection.cursor()) as cursor, database.translated():
            cursor.execute(f"SELECT * FROM {table} WHERE 1 = 0")  # noqa: S608
            return [column[0] for column in cursor.description]

    def like(self, column):
        """Return the SQL of a LIKE on a column that takes a `like_pattern` as its parameter."""
        return f"{column} LIKE ? ESCAPE '!'"

    def exact_text(self, expression, _kind):
        """Return the SQL of a column whose value comes out alike from all databases: a moment or a
        day as text, a float that is 0 without a sign."""
        return expression

    def prepare_copy(self, connection):
        """Let a new connection read for hours, in the order of keys, and keep ids as they come."""

    def continue_ids(self, database, table, column):
        """Let the numbers that the database gives begin behind the largest one that is stored."""

    def column_types(self, database, table):
        """Return {column: (type in lower case, longest text or None, character set)} of a table.

        Empty where the columns hold whatever comes. Read-only.
        """
        raise NotImplementedError(self.backend)

    def lock(self, database, name):
        """Try to take the advisory lock `name` and return whether it is held now."""
        raise NotImplementedError(self.backend)

    def has_wide_locks(self, _database):
        """Tell whether an advisory lock holds for all who use this database, on whatever host."""
        return True

    def unlock(self, database, name):
        """Give the advisory lock `name` back."""
        raise NotImplementedError(self.backend)

    @functools.lru_cache(maxsize=256)  # noqa: B019 - dialects are single, immortal objects
    def statement(self, sql):
        """Return `sql`, written with ? for parameters, in the driver's own form."""
        return sql if self.placeholder == "?" else sql.replace("?", self.placeholder)

    def quote(self, identifier):
        """Return an identifier in quotes. Identifiers come from fixed tuples, never from input."""
        return f'"{identifier}"'

    def quote_all(self, identifiers):
        """Return identifiers in quotes, joined by commas."""
        return ", ".join(map(self.quote, identifiers))

    def in_quotes(self, sql):
        """Return SQL in which each "name" stands in this database's quotes."""
        return QUOTED_NAME.sub(lambda found: self.quote(found[1]), sql)

    def create_database(self, name):
        """Return the statement that makes a database, whose name comes from the configuration."""
        return f"CREATE DATABASE {self.quote(name.replace(self.quote('')[0], ''))}"

    def schema_text(self, sql, database):
        """Return one statement of sql/*.sql in this database's words, None if it needs it not."""
        for word, own in self.types.items():
            sql = re.sub(rf"\b{word}\b", own, sql)
        sql = re.sub(r"\bWIDEN (\w+) TO CHARS\((\d+)\)", self.text_widening, sql)
        sql = re.sub(r"\bCHARS\((\d+)\)", self.char_type, sql)
        sql = re.sub(r"\bWIDEN (\w+)", self.widening, sql)
        sql = re.sub(r"LOCAL_DATETIME\((\S+), (\S+)\)", self.local_datetime, sql)
        sql = re.sub(r'"(\w+)"', lambda found: self.quote(found[1]), sql)
        return self.finish_schema_text(sql, database)

    char_type = r"VARCHAR(\1)"
    widening = ""  # of an INTEGER NOT NULL to a BIGINT
    text_widening = ""  # of a CHARS NOT NULL
    local_datetime = ""

    def finish_schema_text(self, sql, _database):
        """Hook: integer division is `/` between integers unless the database says otherwise."""
        return re.sub(r"\bDIV\b", "/", sql)

    def merge_clause(self, table, key, merge):
        """Return the end of an INSERT that merges rows whose key is there already.

        merge maps a column to "add", "min", "max", "replace", or "with_min:COLUMN" (take the new
        value where that column becomes smaller); an empty merge keeps the old row.
        """
        new = {column: f"excluded.{column}" for column in merge}
        sets = self._merge_sets(table, merge, new, "excluded.{}")
        action = f"DO UPDATE SET {', '.join(sets)}" if sets else "DO NOTHING"
        return f" ON CONFLICT ({', '.join(key)}) {action}"

    least, greatest = "LEAST", "GREATEST"

    def _merge_sets(self, table, merge, new, new_form):
        sets = []
        for column, rule in merge.items():
            old = f"{table}.{column}"
            if rule == "add":
                sets.append(f"{column} = {old} + {new[column]}")
            elif rule == "min":
                sets.append(f"{column} = {self.least}({old}, {new[column]})")
            elif rule == "max":
                sets.append(f"{column} = {self.greatest}({old}, {new[column]})")
            elif rule == "replace":
                sets.append(f"{column} = {new[column]}")
            elif rule.startswith("with_min:"):
                other = rule.partition(":")[2]
                smaller = f"{new_form.format(other)} < {table}.{other}"
                sets.append(f"{column} = CASE WHEN {smaller} THEN {new[column]} ELSE {old} END")
        return sets

    def stream(self, connection, *query):
        """Yield the rows of a query (statement and parameters in the driver's own form) as they
        come: few of them are in memory at once. The connection is busy until the last one."""
        with contextlib.closing(self.streaming_cursor(connection)) as cursor:
            cursor.execute(*query)
            yield from cursor

    def streaming_cursor(self, connection):
        """Return a cursor that does not read all rows at once."""
        return connection.cursor()

    def insert_rows(self, connection, table, columns, rows, tail):
        """Insert rows (any iterable of tuples) by statements of bounded size.

        columns is a sequence of (name, kind); tail is what `merge_clause` returned, or ''.
        """
        raise NotImplementedError(self.backend)


def chunks(rows, size):
    """Yield lists of at most `size` rows of an iterable."""
    rows = iter(rows)
    while True:
        part = list(itertools.islice(rows, size))
        if not part:
            return
        yield part


def seconds_of_rows(columns, rows):
    """Return the rows with columns of kind MICROSECONDS as seconds (floats)."""
    places = [place for place, (_name, kind) in enumerate(columns) if kind == MICROSECONDS]
    return map(functools.partial(with_seconds, places), rows) if places else rows


def with_seconds(places, row):
    """Return one row with the microseconds at some places as seconds."""
    values = list(row)
    for place in places:
        values[place] = values[place] / 1e6
    return tuple(values)
