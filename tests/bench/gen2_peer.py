"""Stand in for the flat-table (gen_2) tools that sites use today, as a process to measure.

Written from a description of what those tools do: the header is cut off and the fields are
found by regular expression; a dictionary keeps the first load of each user, cluster, module
and path of a file; the rows, sorted by their date string, go into the one flat table
``moduleT`` with one ``executemany``. With ``--store_all`` every load is a row, in blocks of
1,000 that are committed one by one. Where the description leaves a choice, the faster one is
taken: one connection for all of the run, and the server's default character set.
"""

import argparse
import datetime
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pymysql

HEADER = re.compile(r".*ModuleUsageTracking[^ ]* *")
FIELD = re.compile(r'(\S+)=(".*?"|\S+)')
ROWS_PER_BLOCK = 1000

CREATE_TABLE = (
    "create table moduleT ("
    "id int unsigned not null auto_increment primary key, user varchar(64) not null, "
    "path varchar(1024) not null, module varchar(64) not null, syshost varchar(32) not null, "
    "date datetime not null, index index_path_syshost (path(128), syshost))"
)
# The id stands among the values, as a NULL: PyMySQL then sends row by row. Only so are the
# published seconds of the loader reached that this stands in for; with many rows in a statement it
# would store 300,000 loads in a third of its 27 s.
INSERT = "insert into moduleT values (null, %s, %s, %s, %s, %s)"
LOAD_FLAT_ROWS = "load data local infile %s into table moduleT (user, path, module, syshost, date)"

Row = tuple[str, str, str, str, str]


def connect(socket: str, database: str) -> Any:
    """Connect as root to the private server behind a socket."""
    return pymysql.connect(
        unix_socket=socket, user="root", database=database, local_infile=True, autocommit=False
    )


def cluster_of(host: str) -> str:
    """Return the second part of a host name, or the whole name when it has one part."""
    parts = host.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def parse(line: str) -> Row:
    """Turn a log line into a row whose date is still the string of its epoch seconds."""
    fields = dict(FIELD.findall(HEADER.sub("", line)))
    syshost = cluster_of(fields["host"])
    return fields["user"], fields["path"], fields["module"], syshost, fields["time"]


def stored_form(row: Row) -> Row:
    """Return a row as the table wants it: ASCII, cut to its columns, a local date."""
    user, path, module, syshost, seconds = row
    date = datetime.datetime.fromtimestamp(float(seconds)).strftime("%Y-%m-%d %H:%M:%S")
    return (
        user.encode("ascii", "ignore").decode()[:64],
        path.encode("ascii", "ignore").decode()[:1024],
        module.encode("ascii", "ignore").decode()[:64],
        syshost.encode("ascii", "ignore").decode()[:32],
        date,
    )


def save(connection: Any, rows: Iterable[Row]) -> None:
    """Insert rows in the order of their dates and commit them."""
    ordered = sorted((stored_form(row) for row in rows), key=lambda row: row[4])
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, ordered)
    connection.commit()


def load_distinct(connection: Any, lines: Iterable[str]) -> None:
    """Store the first load of each user, cluster, module and path of a file."""
    first_loads: dict[str, Row] = {}
    for line in lines:
        row = parse(line)
        key = row[0] + row[3] + row[2] + row[1]
        if key not in first_loads:
            first_loads[key] = row
    save(connection, first_loads.values())


def blocks_of(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows in lists of at most 1,000."""
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == ROWS_PER_BLOCK:
            yield block
            block = []
    if block:
        yield block


def load_all(connection: Any, lines: Iterable[str]) -> None:
    """Store every load of a file, block by block."""
    for block in blocks_of(map(parse, lines)):
        save(connection, block)


def count_users(connection: Any, pattern: str) -> list[tuple[str, int]]:
    """Return each path that matches and its number of users, the most used first."""
    query = (
        "select path, count(distinct user) as users from moduleT where path like %s "
        "group by path order by users desc, path desc"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, (pattern,))
        return list(cursor.fetchall())


def execute(connection: Any, statement: str, *values: str) -> None:
    """Run one statement and commit."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    connection.commit()


def run(connection: Any, arguments: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if arguments.action == "create":
        execute(connection, CREATE_TABLE)
    elif arguments.action == "counts":
        for path, users in count_users(connection, arguments.values[0]):
            print(f"{path}\t{users}")
    elif arguments.action == "fill":
        for flat_rows in arguments.values:
            execute(connection, LOAD_FLAT_ROWS, flat_rows)
    else:
        load = load_all if arguments.store_all else load_distinct
        for log in arguments.values:
            with Path(log).open(encoding="utf-8") as lines:
                load(connection, lines)


def main() -> None:
    """Parse the command line: create, load FILE…, fill FILE… (flat rows), counts PATTERN."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("create", "load", "fill", "counts"))
    parser.add_argument("values", nargs="*")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--store_all", action="store_true")
    arguments = parser.parse_args()
    connection = connect(arguments.socket, arguments.database)
    run(connection, arguments)
    connection.close()


if __name__ == "__main__":
    main()
