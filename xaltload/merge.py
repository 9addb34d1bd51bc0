"""Merge rows that are equal to others: what hangs on them goes to those, then they go."""

from typing import Any, NamedTuple

from usagedb import errors
from usagedb.database import in_parts, marks, with_conflict_retries
from xaltload.bulk import VALUES_PER_STATEMENT, delete_rows, plain, update

ROWS_PER_STEP = 1000


class Child(NamedTuple):
    """A table whose rows hang on those of another."""

    name: str
    column: str  # names the row they hang on
    own_id: Any  # their own id; None: they are made anew when they are gone
    columns: tuple = ()  # what else makes them equal

    @property
    def by_parent(self):
        """SQL of the first row that hangs on one of some."""
        return f"SELECT 1 FROM {self.name} WHERE {self.column} IN ({{}}) LIMIT 1"  # noqa: S608


def move_children(database, table, holder_of):
    """Give what hangs on rows ({id: id of an equal row}) to their equals. Commits step by step: a
    library may hang on millions of runs."""
    for child in table.children:
        last = -1
        while holder_of and child.own_id:
            last = with_conflict_retries(
                lambda child=child, last=last: move_some(database, child, holder_of, last)
            )
            if last is None:
                break


def move_some(database, child, holder_of, after):
    """Move the next rows of a child table, those with greater ids than `after`, in a transaction;
    return the greatest, or None if there were none."""
    names = f"{child.own_id}, {child.column}, {database.dialect.quote_all(child.columns)}"
    sql = (
        f"SELECT {names} FROM {child.name} WHERE {child.own_id} > ?"  # noqa: S608
        f" AND {child.column} IN ({marks(holder_of)}) ORDER BY {child.own_id} LIMIT {ROWS_PER_STEP}"
    )
    with database.transaction():
        rows = [tuple(map(plain, row)) for row in database.rows(sql, (after, *holder_of))]
        there = children_there(database, child, rows, holder_of)
        doubled, holders = [], {}
        for number, parent, *rest in rows:
            row = (holder_of[parent], *rest)
            if row in there:
                doubled.append(number)
            else:
                there.add(row)
                holders[number] = holder_of[parent]
        update(database, child.name, child.own_id, child.column, holders, only_empty=False)
        delete_rows(database, child.name, child.own_id, doubled)
    return rows[-1][0] if rows else None


def children_there(database, child, rows, holder_of):
    """Return which of the rows their new parents have: a set of (parent, *columns). Read-only."""
    parents = sorted({holder_of[row[1]] for row in rows})
    # The first column narrows the search: a library has few rows in any one run.
    seconds = sorted({row[2] for row in rows})
    names = f"{child.column}, {database.dialect.quote_all(child.columns)}"
    found: set = set()
    for start in range(0, len(parents), VALUES_PER_STATEMENT):
        part = parents[start : start + VALUES_PER_STATEMENT]
        sql = (
            f"SELECT {names} FROM {child.name} WHERE {child.column} IN ({marks(part)})"  # noqa: S608
            f" AND {child.columns[0]} IN ({{}})"
        )
        for begin in range(0, len(seconds), VALUES_PER_STATEMENT):
            some = seconds[begin : begin + VALUES_PER_STATEMENT]
            query = sql.format(marks(some))
            found |= {tuple(map(plain, row)) for row in database.rows(query, (*part, *some))}
    return found


def remove_merged(database, table, holder_of):
    """Remove rows whose children have moved, inside the caller's transaction.

    Raises ConflictError if one has got a child since.
    """
    ids = sorted(holder_of)
    for child in table.children:
        if not child.own_id:
            delete_rows(database, child.name, child.column, ids)
        elif list(in_parts(database, child.by_parent, ids)):
            raise errors.ConflictError(f"{database.config.describe()}: another loader was faster")
    delete_rows(database, table.name, table.id_column, ids)
