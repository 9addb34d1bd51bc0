"""What a load must store, by an independent reading of the records, and what is stored."""

import collections
import datetime
import json
import random
import shutil

from tests.bench.xalt_records import RecordSource
from tests.xaltload.samples import written
from xaltload.compressed import uncompressed

RUN_COLUMNS = (
    "syshost", "run_uuid", "hash_id", "start_time", "end_time", "run_time", "probability",
    "num_cores", "num_nodes", "num_threads", "num_gpus", "job_id", "account", "queue", '"user"',
    "exec_type", "exec_path", "cwd", "container", "uuid",
)  # fmt: skip


def make_records(runs=40, seed=1):
    """Return [(file name, record)] of an invented site."""
    return list(RecordSource(runs, seed).records())


def write_records(directory, records, places=7):
    """Write records into files below a directory, some levels deep; return the paths."""
    paths = []
    for number, (name, record) in enumerate(records):
        place = directory / f"{number % places:03d}" / ("deep" * (number % 3))
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(written(record))
        paths.append(place / name)
    return paths


def shuffled(records, seed=1):
    """Return the records in another order."""
    records = list(records)
    random.Random(seed).shuffle(records)
    return records


def clear_tree(directory):
    """Remove a tree and make it anew, empty."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()


def expected(records):
    """Return what a database must hold after these records, as `contents` does."""
    runs, links, packages = {}, {}, set()
    for _name, record in records:
        if "userT" in record:
            add_run(runs, record)
        elif "resultT" in record:
            links.setdefault(record["resultT"]["uuid"], link_of(record))
        else:
            packages.add(
                tuple(record[key] for key in (
                    "xalt_run_uuid", "program", "package_name", "package_version", "package_path",
                ))
            )  # fmt: skip
    uuids = {key[1] for key in runs}
    return {
        "runs": {key: finished(parts) for key, parts in runs.items()},
        "links": links,
        "packages": sorted(one for one in packages if one[0] in uuids),
        "waiting": sorted(one for one in packages if one[0] not in uuids),
    }


def add_run(runs, record):
    """Add a run record to {key: {is_end: record}}; the first of each kind counts."""
    user, numbers = record["userT"], record["userDT"]
    key = (user["syshost"], user["run_uuid"], record["hash_id"], round(numbers["start_time"], 4))
    runs.setdefault(key, {}).setdefault(numbers["end_time"] > 0, record)


def finished(parts):
    """Return the columns, libraries and environment that the records of one run make."""
    best = parts.get(True) or parts[False]
    user, numbers = best["userT"], best["userDT"]
    environment = {
        name: value for is_end in sorted(parts) for name, value in parts[is_end]["envT"].items()
    }
    return {
        "columns": (
            user["syshost"], user["run_uuid"], best["hash_id"], round(numbers["start_time"], 4),
            numbers["end_time"], numbers["run_time"], numbers["probability"],
            int(numbers["num_cores"]), int(numbers["num_nodes"]), int(numbers["num_threads"]),
            int(numbers["num_gpus"]), user["job_id"], user["account"],
            user["queue"].split(",")[0], user["user"], user["exec_type"], user["exec_path"],
            user["cwd"], user.get("container"), best["xaltLinkT"].get("Build_UUID"),
        ),
        "date": local_time(numbers["start_time"]),
        "records": sum(2 if is_end else 1 for is_end in parts),
        "cmdline": best["cmdlineA"],
        "libraries": {pair[0] for record in parts.values() for pair in record["libA"]},
        "environment": environment,
    }  # fmt: skip


def link_of(record):
    """Return the columns, libraries and functions of a link record."""
    result = record["resultT"]
    return {
        "columns": (
            result["hash_id"], result["link_program"], result["link_path"], result["wd"],
            result["build_user"], result["build_syshost"], float(result["build_epoch"]),
            result["exec_path"],
        ),
        "line": " ".join(record["link_line"]),
        "libraries": {pair[0] for pair in record["linkA"]},
        "functions": set(record["function"]),
    }  # fmt: skip


def local_time(moment):
    """Return a moment as the tables show it; the tests' clock is in UTC."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime(
        "%Y-%m-%d %H:%M:%S"
    )


def contents(site):
    """Return what a database holds, without the numbers of its rows."""
    database = site.connect()
    try:
        return {
            "runs": stored_runs(database),
            "links": stored_links(database),
            "packages": stored_packages(database),
            "waiting": sorted(
                tuple(row)
                for row in database.rows(
                    "SELECT run_uuid, program, pkg_name, pkg_version, pkg_path"
                    " FROM xalt_pkg_waiting"
                )
            ),
        }
    finally:
        database.close()


def stored_runs(database):
    """Return {key: columns, libraries, environment} of all runs."""
    columns = ", ".join(f"r.{database.dialect.quote(name.strip(chr(34)))}" for name in RUN_COLUMNS)
    libraries, environments = collections.defaultdict(list), collections.defaultdict(list)
    for run_id, path in database.rows(
        "SELECT j.run_id, o.object_path FROM join_run_object j"
        " JOIN xalt_object o ON o.obj_id = j.obj_id"
    ):
        libraries[run_id].append(path)
    for run_id, name, value in database.rows(
        "SELECT j.run_id, e.env_name, j.env_value FROM join_run_env j"
        " JOIN xalt_env_name e ON e.env_id = j.env_id"
    ):
        environments[run_id].append((name, bytes(value).decode()))
    found = {}
    sql = f"SELECT r.run_id, r.records, r.date, r.cmdline, {columns} FROM xalt_run r"
    for run_id, records, date, cmdline, *values in database.rows(sql):
        key = (values[0], values[1], values[2], round(values[3], 4))
        assert key not in found, f"run {key} is there twice"
        assert len(libraries[run_id]) == len(set(libraries[run_id]))
        assert len(environments[run_id]) == len(dict(environments[run_id]))
        found[key] = {
            "columns": (*key, *values[4:]),
            "date": str(date),
            "records": records,
            "cmdline": json.loads(uncompressed(cmdline)),
            "libraries": set(libraries[run_id]),
            "environment": dict(environments[run_id]),
        }
    return found


def stored_links(database):
    """Return {uuid: columns, libraries, functions} of all links."""
    found = {}
    sql = (
        "SELECT uuid, link_id, link_line, hash_id, link_program, link_path, cwd, build_user,"
        " build_syshost, build_epoch, exec_path FROM xalt_link"
    )
    for uuid, link_id, line, *values in database.rows(sql):
        libraries = [row[0] for row in database.rows(
            "SELECT o.object_path FROM join_link_object j JOIN xalt_object o"
            " ON o.obj_id = j.obj_id WHERE j.link_id = ?", (link_id,)
        )]  # fmt: skip
        functions = [row[0] for row in database.rows(
            "SELECT f.function_name FROM join_link_function j JOIN xalt_function f"
            " ON f.func_id = j.func_id WHERE j.link_id = ?", (link_id,)
        )]  # fmt: skip
        assert len(libraries) == len(set(libraries)) and len(functions) == len(set(functions))
        found[uuid] = {
            "columns": tuple(values), "line": uncompressed(line),
            "libraries": set(libraries), "functions": set(functions),
        }  # fmt: skip
    return found


def stored_packages(database):
    """Return the packages as (run_uuid, program, name, version, path)."""
    sql = (
        "SELECT r.run_uuid, p.program, p.pkg_name, p.pkg_version, p.pkg_path FROM xalt_pkg p"
        " JOIN xalt_run r ON r.run_id = p.run_id"
    )
    return sorted(tuple(row) for row in database.rows(sql))


def assert_sets_hold(site):
    """Make sure that the set of each run that has one is the set of its libraries."""
    joined = "SELECT run_id, obj_id FROM join_run_object ORDER BY run_id, obj_id"
    by_set = (
        "SELECT r.run_id, s.obj_id FROM xalt_run r JOIN xalt_set_object s ON s.set_id = r.set_id"
        " WHERE r.cluster_id IS NOT NULL ORDER BY r.run_id, s.obj_id"
    )
    unknown = {row[0] for row in site.rows("SELECT run_id FROM xalt_run WHERE cluster_id IS NULL")}
    wanted = [row for row in site.rows(joined) if row[0] not in unknown]
    assert site.rows(by_set) == wanted
