"""Change many rows by their ids, in statements of bounded size."""

from usagedb.database import marks

VALUES_PER_STATEMENT = 200


def update(database, table, id_column, column, value_of, only_empty=True):
    """Set a column of many rows, of those that have none; value_of maps ids to values."""
    ids = sorted(value_of)
    for start in range(0, len(ids), VALUES_PER_STATEMENT):
        part = ids[start : start + VALUES_PER_STATEMENT]
        cases = " ".join("WHEN ? THEN ?" for _id in part)
        sql = (
            f"UPDATE {table} SET {column} = CASE {id_column} {cases} END"  # noqa: S608
            f" WHERE {id_column} IN ({marks(part)})"
        )
        sql += f" AND {column} IS NULL" if only_empty else ""
        values = [value for number in part for value in (number, value_of[number])]
        database.execute(sql, [*values, *part])


def delete_rows(database, table, column, values):
    """Delete the rows whose column has one of some values."""
    for start in range(0, len(values), VALUES_PER_STATEMENT):
        part = values[start : start + VALUES_PER_STATEMENT]
        database.execute(f"DELETE FROM {table} WHERE {column} IN ({marks(part)})", part)  # noqa: S608


def plain(value):
    """Return a value of a row in a form that can be compared and written."""
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value
