"""SQL over the rows of one table in a range of its primary key.

A range lies behind one key and goes up to another, that one included; None is the end of the table
on that side. The conditions are written out, since not every database finds the rows of
(a, b) > (?, ?) by an index.
"""

from usagedb.schema import USAGE_COPY

# Rows that are not copied and not compared, as the condition for the others: a copy's own run is in
# the history of the database that it was made in.
OTHERS = {"usage_run": f"command <> '{USAGE_COPY}'"}


def select(dialect, table, after=None, upto=None, most_rows=None):
    """Return (SQL, parameters) of the query for all columns, in the order of the key; of all rows,
    or of so many."""
    columns = ", ".join(
        dialect.exact_text(dialect.quote(column.name), column.kind) for column in table.columns
    )
    where, parameters = conditions(dialect, table, after, upto)
    tail = order(dialect, table) + (f" LIMIT {most_rows:d}" if most_rows else "")
    return f"SELECT {columns} FROM {table.name}{where}{tail}", parameters  # noqa: S608


def count(dialect, table):
    """Return (SQL, parameters) of the query for the number of rows."""
    where, parameters = conditions(dialect, table)
    return f"SELECT count(*) FROM {table.name}{where}", parameters  # noqa: S608


def key_at(dialect, table, place, after=None, upto=None):
    """Return (SQL, parameters) of the query for the key at a place of a range, from 0."""
    columns = dialect.quote_all(table.key)
    where, parameters = conditions(dialect, table, after, upto)
    tail = f"{order(dialect, table)} LIMIT 1 OFFSET {place:d}"
    return f"SELECT {columns} FROM {table.name}{where}{tail}", parameters  # noqa: S608


def delete(dialect, table, after=None, upto=None):
    """Return (SQL, parameters) of the statement that deletes the rows of a range."""
    where, parameters = conditions(dialect, table, after, upto)
    return f"DELETE FROM {table.name}{where}", parameters  # noqa: S608


def order(dialect, table):
    """Return the end of a query in the order of the key."""
    return f" ORDER BY {dialect.quote_all(table.key)}"


def conditions(dialect, table, after=None, upto=None):
    """Return (the WHERE of a range, parameters)."""
    names = [dialect.quote(name) for name in table.key]
    found = [OTHERS[table.name]] if table.name in OTHERS else []
    parameters: list = []
    for key, sign, last_sign in ((after, ">", ">"), (upto, "<", "<=")):
        if key is None:
            continue
        # The first column by itself is what the database looks up in the index.
        text, values = beyond(names, key, sign, last_sign)
        found.append(f"{names[0]} {sign}= ? AND {text}")
        parameters += [key[0], *values]
    return (f" WHERE {' AND '.join(found)}" if found else ""), parameters


def beyond(names, key, sign, last_sign):
    """Return (condition, parameters) for the keys on one side of a key."""
    if len(names) == 1:
        return f"{names[0]} {last_sign} ?", [key[0]]
    text, values = beyond(names[1:], key[1:], sign, last_sign)
    return f"({names[0]} {sign} ? OR ({names[0]} = ? AND {text}))", [key[0], key[0], *values]
