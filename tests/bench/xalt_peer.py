"""Stand in for the loader and the report queries that XALT sites use today.

Written from a description of what they do. The loader makes a connection of its own for each
record, with a few SET statements, and looks up every library and every variable by a statement
of its own before it inserts the row that joins it; it commits record by record. The reports are
single statements over the tables of XALT, in which a CASE of all name patterns gives each run
its community code. Where the description leaves a choice, the faster one is taken.
"""

import argparse
import datetime
import json
import re
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql

from xaltload.applications import read_entries, shipped_map_path

SETTINGS = (
    "SET NAMES utf8mb4",
    "SET CHARACTER SET utf8mb4",
    "SET character_set_connection = utf8mb4",
)
HOURS = "ROUND(SUM(run_time * num_cores / 3600))"
COUNTS = (
    f"{HOURS} AS hours, COUNT(DISTINCT user) AS users, COUNT(DISTINCT account) AS accounts,"
    " COUNT(*) AS runs"
)
DAYS = "date >= '2026-01-01' AND date < '2030-01-01'"
MOST_SECONDS = 600
TOO_LONG = 1969  # MariaDB: max_statement_time exceeded
COMPILERS = ("gcc", "g++", "gfortran", "ifort", "icc", "icpc")


class Loader:
    """Stores records one by one."""

    def __init__(self, socket: str, database: str):
        self.where = {"unix_socket": socket, "user": "root", "database": database}

    def load(self, path: Path) -> None:
        """Store the record of one file."""
        record = json.loads(path.read_text(encoding="utf-8"))
        connection = pymysql.connect(**self.where, autocommit=False)
        with connection, connection.cursor() as cursor:
            for statement in SETTINGS:
                cursor.execute(statement)
            if path.name.startswith("link."):
                self._link(cursor, record)
            elif path.name.startswith("run."):
                self._run(cursor, record)
            else:
                self._package(cursor, record)
            connection.commit()

    def _one(self, cursor: Any, query: str, *values: Any) -> Any:
        cursor.execute(query, values)
        found = cursor.fetchone()
        return found[0] if found else None

    def _link(self, cursor: Any, record: dict[str, Any]) -> None:
        result = record["resultT"]
        known = "SELECT link_id FROM xalt_link WHERE uuid = %s"
        if self._one(cursor, known, result["uuid"]):
            return
        date = local(float(result["build_epoch"]))
        cursor.execute(
            "INSERT INTO xalt_link VALUES"
            " (NULL, %s, %s, %s, %s, %s, NULL, %s, %s, %s, %s, %s, %s)",
            (
                result["uuid"], result["hash_id"], date, result["link_program"],
                result["link_path"], compressed(" ".join(record["link_line"])), result["wd"],
                result["build_user"], result["build_syshost"], float(result["build_epoch"]),
                result["exec_path"],
            ),
        )  # fmt: skip
        link_id = cursor.lastrowid
        join = "INSERT INTO join_link_object VALUES (NULL, %s, %s, %s)"
        self._objects(cursor, record["linkA"], result["build_syshost"], join, link_id, date)
        for name in record["function"]:
            query = "SELECT func_id FROM xalt_function WHERE function_name = %s"
            func_id = self._one(cursor, query, name)
            if not func_id:
                cursor.execute("INSERT INTO xalt_function VALUES (NULL, %s)", (name,))
                func_id = cursor.lastrowid
            cursor.execute(
                "INSERT INTO join_link_function VALUES (NULL, %s, %s, %s)",
                (func_id, link_id, date),
            )

    def _run(self, cursor: Any, record: dict[str, Any]) -> None:
        user, numbers = record["userT"], record["userDT"]
        query = "SELECT run_id, end_time FROM xalt_run WHERE run_uuid = %s"
        cursor.execute(query, (user["run_uuid"],))
        known = cursor.fetchone()
        if known and (known[1] > 0 or numbers["end_time"] < 0.1):
            return
        if known:
            cursor.execute(
                "UPDATE xalt_run SET run_time = %s, end_time = %s, num_threads = %s,"
                " num_gpus = %s WHERE run_id = %s",
                (
                    numbers["run_time"], numbers["end_time"], numbers["num_threads"],
                    numbers["num_gpus"], known[0],
                ),
            )  # fmt: skip
            return
        date = local(numbers["start_time"])
        cursor.execute(
            "INSERT INTO xalt_run VALUES (NULL, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, %s, %s, %s, %s, 0, 0, %s, %s, NULL, %s, %s, NULL)",
            (
                user["job_id"], user["run_uuid"], date, user["syshost"],
                record["xaltLinkT"].get("Build_UUID"), record["hash_id"], user["account"],
                user["exec_type"], round(numbers["start_time"]), numbers["end_time"],
                numbers["run_time"], numbers["probability"], numbers["num_cores"],
                numbers["num_nodes"], numbers["num_threads"], numbers["num_gpus"],
                user["queue"], user["user"], user["exec_path"], user["cwd"],
                compressed(json.dumps(record["cmdlineA"])),
            ),
        )  # fmt: skip
        run_id = cursor.lastrowid
        join = "INSERT INTO join_run_object VALUES (NULL, %s, %s, %s)"
        self._objects(cursor, record["libA"], user["syshost"], join, run_id, date)
        for name, value in record["envT"].items():
            query = "SELECT env_id FROM xalt_env_name WHERE env_name = %s"
            env_id = self._one(cursor, query, name)
            if not env_id:
                cursor.execute("INSERT INTO xalt_env_name VALUES (NULL, %s)", (name,))
                env_id = cursor.lastrowid
            cursor.execute(
                "INSERT INTO join_run_env VALUES (NULL, %s, %s, %s, %s)",
                (env_id, run_id, date, value.encode()),
            )

    def _objects(
        self, cursor: Any, pairs: list[list[str]], syshost: str, join: str, row_id: int, date: str
    ) -> None:
        query = (
            "SELECT obj_id FROM xalt_object"
            " WHERE object_path = %s AND hash_id = %s AND syshost = %s"
        )
        for path, hash_id in pairs:
            obj_id = self._one(cursor, query, path, hash_id, syshost)
            if not obj_id:
                cursor.execute(
                    "INSERT INTO xalt_object VALUES (NULL, %s, %s, %s, NULL, NOW(), 'so')",
                    (path, syshost, hash_id),
                )
                obj_id = cursor.lastrowid
            cursor.execute(join, (obj_id, row_id, date))

    def _package(self, cursor: Any, record: dict[str, Any]) -> None:
        query = "SELECT run_id FROM xalt_run WHERE run_uuid = %s"
        run_id = self._one(cursor, query, record["xalt_run_uuid"])
        if run_id:
            cursor.execute(
                "INSERT INTO xalt_pkg VALUES (NULL, %s, %s, %s, %s, %s)",
                (
                    run_id, record["program"], record["package_name"],
                    record["package_version"], record["package_path"],
                ),
            )  # fmt: skip


def local(moment: float) -> str:
    """Return a moment as the tables hold it."""
    return datetime.datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M:%S")


def compressed(text: str) -> bytes:
    """Return a text in the form of MySQL's COMPRESS()."""
    return struct.pack("<I", len(text.encode())) + zlib.compress(text.encode())


def load_tree(socket: str, database: str, directory: Path) -> None:
    """Store all records below a directory: links, runs, then packages."""
    loader = Loader(socket, database)
    for kind in ("link", "run", "pkg"):
        for path in sorted(directory.rglob(f"{kind}.*.json")):
            loader.load(path)


def name_case() -> str:
    """Return the CASE that gives each run its community code."""
    whens = " ".join(
        f"WHEN LOWER(SUBSTRING_INDEX(exec_path, '/', -1)) REGEXP '{quoted(pattern.pattern)}'"
        f" THEN '{quoted(code)}'"
        for code, pattern in read_entries(shipped_map_path())
    )
    return f"CASE {whens} ELSE SUBSTRING_INDEX(exec_path, '/', -1) END"


def quoted(text: str) -> str:
    """Return a text as it stands between quotes in a statement."""
    return re.sub(r"(['\\])", r"\\\1", text)


def report_queries() -> Iterator[tuple[str, str]]:
    """Yield (name, statement) of a full usage report, with the tables it never reached."""
    case = name_case()
    for kind, condition in (("sys", "IS NOT NULL"), ("usr", "IS NULL")):
        yield (
            f"overall {kind}",
            (
                f"SELECT {COUNTS}, COUNT(DISTINCT job_id) FROM xalt_run"
                f" WHERE syshost LIKE '%' AND {DAYS} AND exec_type = 'binary'"
                f" AND module_name {condition}"
            ),
        )
    days = DAYS.replace("date", "r.date")
    for kind, condition in (("other", "<>"), ("same", "=")):
        extra = " AND r.module_name IS NULL" if kind == "other" else ""
        yield (
            f"builders {kind}",
            (
                f"SELECT {HOURS}, COUNT(*), COUNT(DISTINCT user) FROM xalt_run r JOIN xalt_link l"
                f" ON r.uuid = l.uuid WHERE r.syshost LIKE '%' AND {days}"
                f" AND r.user {condition} l.build_user{extra}"
            ),
        )
    for style, condition in (("all", ""), ("mpi", " AND num_cores > 1"),
                             ("non-mpi", " AND num_cores <= 1")):  # fmt: skip
        yield (
            f"executables {style}",
            (
                f"SELECT {COUNTS}, {case} AS execname FROM xalt_run WHERE syshost LIKE '%'"
                f" AND queue LIKE '%' AND {DAYS}{condition} GROUP BY execname ORDER BY hours DESC"
            ),
        )
    yield (
        "modules",
        (
            f"SELECT {COUNTS}, module_name FROM xalt_run WHERE syshost LIKE '%' AND {DAYS}"
            " AND module_name IS NOT NULL GROUP BY module_name ORDER BY hours DESC"
        ),
    )
    joined = "xalt_run r JOIN xalt_link l ON r.uuid = l.uuid"
    days = DAYS.replace("date", "r.date")
    yield (
        "compilers by count",
        (
            "SELECT COUNT(*) AS count, link_program FROM xalt_link WHERE build_syshost LIKE '%'"
            f" AND {DAYS} GROUP BY link_program ORDER BY count DESC"
        ),
    )
    yield (
        "compilers by hours",
        (
            f"SELECT {COUNTS}, link_program FROM {joined} WHERE r.syshost LIKE '%' AND {days}"
            " GROUP BY link_program ORDER BY hours DESC"
        ),
    )
    for compiler in COMPILERS:
        yield (
            f"built with {compiler}",
            (
                f"SELECT {COUNTS}, {case.replace('exec_path', 'r.exec_path')} AS execname"
                f" FROM {joined} WHERE r.syshost LIKE '%' AND {days}"
                f" AND l.link_program = '{compiler}' GROUP BY execname ORDER BY hours DESC"
            ),
        )
    for queue in ("%", "largemem"):
        yield (
            f"libraries {queue}",
            (
                f"SELECT {COUNTS}, COUNT(DISTINCT job_id), o.object_path, MAX(o.module_name)"
                " FROM xalt_object o JOIN join_run_object j ON o.obj_id = j.obj_id"
                " JOIN xalt_run r ON r.run_id = j.run_id WHERE o.module_name IS NOT NULL"
                f" AND o.module_name LIKE '%' AND r.syshost LIKE '%' AND r.queue LIKE '{queue}'"
                f" AND {days} GROUP BY o.object_path ORDER BY hours DESC"
            ),
        )


def report(socket: str, database: str) -> None:
    """Run the statements of a full report and print how long each took.

    One that takes longer than MOST_SECONDS is ended, and counts with these.
    """
    connection = pymysql.connect(unix_socket=socket, user="root", database=database)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SET SESSION max_statement_time = {MOST_SECONDS}")
        for name, statement in report_queries():
            started = time.perf_counter()
            try:
                cursor.execute(statement)
                rows = str(len(cursor.fetchall()))
            except pymysql.err.OperationalError as error:
                if error.args[0] != TOO_LONG:
                    raise
                rows = "ended"
            print(f"{name}\t{rows}\t{time.perf_counter() - started:.2f}", flush=True)


def main() -> None:
    """Parse the command line: load DIRECTORY, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("load", "report"))
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--database", required=True)
    arguments = parser.parse_args()
    if arguments.action == "load":
        load_tree(arguments.socket, arguments.database, arguments.directory)
    else:
        report(arguments.socket, arguments.database)


if __name__ == "__main__":
    main()
