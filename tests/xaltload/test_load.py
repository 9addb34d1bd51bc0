"""Records are stored once, whatever the order, the number of runs, and the database."""

import random

import pytest

from tests.bench.xalt_records import SYSHOST
from tests.xaltload.loading import (
    assert_sets_hold,
    clear_tree,
    contents,
    expected,
    make_records,
    shuffled,
    write_records,
)
from tests.xaltload.samples import LINK, PACKAGE, RUN, changed

COMMAND = "xalt_file_to_db"
RECORDS = make_records(40)
UUID = RUN["userT"]["run_uuid"]


@pytest.fixture
def tree(tmp_path):
    """An empty directory for records."""
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def named(kind, record, number=0):
    """Return (file name, record)."""
    if kind == "run":
        phase = "zzz" if record["userDT"]["end_time"] else "aaa"
        uuid = record["userT"]["run_uuid"]
        return f"run.aurora.2026_01_01_00_00_00_{number:04d}.otter.{phase}.{uuid}.json", record
    if kind == "link":
        uuid = record["resultT"]["uuid"]
        return f"link.aurora.2026_01_01_00_00_00_{number:04d}.otter.{uuid}.json", record
    uuid = record["xalt_run_uuid"]
    return f"pkg.aurora.2026_01_01_00_00_00_1.otter.{uuid}.{number:012x}.json", record


START = changed(RUN, userDT__end_time=0.0, userDT__run_time=0.0, envT={"PATH": "/old", "A": "1"})
START["libA"] = [["/lib64/libc-2.28.so", "0"], ["/lib64/only-at-the-start.so", "0"]]
END = changed(RUN, userDT__num_threads=8.0, userDT__num_gpus=4.0)


def load(site, tree, *options, status=0):
    """Run the loader on a tree and check its status."""
    done = site.run(COMMAND, *options, tree)
    assert done.returncode == status, done.stderr
    return done


def test_a_load_stores_what_the_records_say_and_a_second_one_changes_nothing(site, tree):
    site.create()
    write_records(tree, RECORDS)
    for _load in range(2):
        load(site, tree)
        assert contents(site) == expected(RECORDS)
    assert_sets_hold(site)
    runs = site.rows(
        "SELECT usage_run.stored, duplicates, rejected, exit_code FROM usage_run ORDER BY 1"
    )
    assert runs == [(0, len(RECORDS), 0, 0), (len(RECORDS), 0, 0, 0)]


@pytest.mark.parametrize("seed", range(3))
def test_records_that_come_in_any_order_and_in_several_loads_make_the_same(site, tree, seed):
    site.create()
    order = shuffled(RECORDS, seed)
    cuts = sorted(random.Random(seed).sample(range(len(order)), 3))
    for first, last in zip([0, *cuts], [*cuts, len(order)]):
        clear_tree(tree)
        write_records(tree, order[first:last])
        load(site, tree)
        assert contents(site) == expected(order[:last])
    assert_sets_hold(site)


@pytest.mark.parametrize("order", [(START, END), (END, START)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_start_and_its_end_make_one_row_in_either_order(site, tree, order, at_once):
    site.create()
    for number, record in enumerate(order):
        write_records(tree, [named("run", record, number)])
        if not at_once:
            load(site, tree)
    load(site, tree)
    assert contents(site)["runs"] == expected([("", START), ("", END)])["runs"]
    load(site, tree)
    assert contents(site)["runs"] == expected([("", START), ("", END)])["runs"]
    assert_sets_hold(site)


def test_a_start_without_an_end_is_visible_as_such(site, tree):
    site.create()
    write_records(tree, [named("run", START)])
    load(site, tree)
    assert site.rows("SELECT records, end_time, run_time FROM xalt_run") == [(1, 0.0, 0.0)]


def test_programs_that_share_a_uuid_are_several_runs(site, tree):
    site.create()
    sentinel = "deadbeaf-dead-beef-1111-deadbeef1111"
    variants = [
        RUN,
        changed(RUN, hash_id="f" * 40),
        changed(RUN, userDT__start_time=1767225600.1235),
        changed(RUN, userT__syshost="polaris"),
    ]
    variants += [changed(record, userT__run_uuid=sentinel) for record in variants]
    records = [named("run", record, number) for number, record in enumerate(variants)]
    write_records(tree, records)
    load(site, tree)
    assert contents(site) == expected(records) and len(contents(site)["runs"]) == 8


def test_packages_wait_for_their_run_and_are_there_once(site, tree):
    site.create()
    packages = [
        named("pkg", changed(PACKAGE, package_name=f"p{number}"), number) for number in range(5)
    ]
    write_records(tree, packages)
    load(site, tree)
    assert contents(site) == expected(packages) and len(contents(site)["waiting"]) == 5
    load(site, tree)
    assert contents(site) == expected(packages)
    write_records(tree, [named("run", RUN)])
    load(site, tree)
    assert contents(site) == expected([*packages, named("run", RUN)])
    assert len(contents(site)["packages"]) == 5
    load(site, tree)
    assert len(contents(site)["packages"]) == 5 and contents(site)["waiting"] == []


PYTHON = changed(RUN, userT__exec_path="/usr/bin/python3.11", hash_id="a" * 40)
SHELL = changed(RUN, userT__exec_path="/bin/env", hash_id="b" * 40, userDT__start_time=1767225600.0)


@pytest.mark.parametrize("order", [(PYTHON, SHELL, PACKAGE), (SHELL, PACKAGE, PYTHON),
                                   (PACKAGE, SHELL, PYTHON)])  # fmt: skip
def test_a_package_belongs_to_the_interpreter_among_the_programs_of_a_uuid(site, tree, order):
    site.create()
    for number, record in enumerate(order):
        kind = "run" if "userT" in record else "pkg"
        write_records(tree, [named(kind, record, number)])
        load(site, tree)
    owner = "SELECT r.exec_path FROM xalt_pkg p JOIN xalt_run r ON r.run_id = p.run_id"
    assert site.rows(owner) == [("/usr/bin/python3.11",)]


def test_a_bad_record_does_not_disturb_its_neighbours_and_is_told_once(site, tree, tmp_path):
    site.create()
    paths = write_records(tree, RECORDS)
    bad = {3: b"{", 10: b"[]", 17: b'{"userT": {}}', 25: b"\xff\xfe", 33: b""}
    for number, content in bad.items():
        paths[number].write_bytes(content)
        age(paths[number])
    good = [record for number, record in enumerate(RECORDS) if number not in bad]
    done = load(site, tree, "--reject", tmp_path / "rejected", status=3)
    assert "5 records were rejected: " in done.stderr and "2 broken JSON" in done.stderr
    assert contents(site) == expected(good)
    assert len((tmp_path / "rejected").read_text().splitlines()) == 5
    assert load(site, tree).stderr == ""
    assert all(paths[number].exists() for number in bad)
    assert contents(site) == expected(good)


def age(path, seconds=3600):
    """Let a file look as if it had been written some time ago."""
    import os
    import time

    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_file_that_may_not_be_finished_is_left_and_loaded_later(site, tree):
    site.create()
    (path,) = write_records(tree, [named("run", RUN)])
    whole = path.read_bytes()
    for half in (b"", whole[:100]):
        path.write_bytes(half)
        done = load(site, tree, "--delete", "-v")
        assert "1 unfinished" in done.stderr and path.exists()
    path.write_bytes(whole)
    load(site, tree, "--delete")
    assert contents(site) == expected([("", RUN)]) and not path.exists()


def test_nothing_at_all_is_65_only_when_all_is_malformed(site, tree):
    site.create()
    load(site, tree)
    (path,) = write_records(tree, [named("run", RUN)])
    path.write_bytes(b'{"no": "record"}')
    assert "1 no record of XALT" in load(site, tree, status=65).stderr


def test_a_wrong_crc_is_suspicious_and_rejected_only_when_strict(site, tree):
    site.create()
    (path,) = write_records(tree, [named("run", RUN)])
    path.write_bytes(path.read_bytes().replace(b"otter", b"stoat"))
    assert "1 the crc does not hold" in load(site, tree, "--strict-crc", status=65).stderr
    done = load(site, tree, "-v")
    assert "1 suspicious" in done.stderr
    assert site.rows("SELECT cwd FROM xalt_run") == [("/home/stoat",)]


def test_delete_removes_what_is_stored_or_known_and_nothing_else(site, tree):
    site.create()
    paths = write_records(tree, RECORDS[:20])
    paths[4].write_bytes(b"{}")
    package_directory = tree / f"XALT_pkg_{UUID}"
    package_directory.mkdir()
    name, _record = named("pkg", PACKAGE)
    write_records(package_directory, [(name, PACKAGE)], places=1)
    load(site, tree, status=3)
    load(site, tree, "--delete")
    assert list(tree.rglob("*.json")) == [paths[4]]
    assert sorted(site.rows("SELECT rejected FROM usage_run")) == [(0,), (1,)]


def test_an_empty_directory_of_packages_goes_with_its_last_record(site, tree):
    site.create()
    (tree / f"XALT_pkg_{UUID}").mkdir()
    name, record = named("pkg", PACKAGE)
    from tests.xaltload.samples import written

    (tree / f"XALT_pkg_{UUID}" / name).write_bytes(written(record))
    load(site, tree, "--delete")
    assert list(tree.iterdir()) == [] and len(contents(site)["waiting"]) == 1


def test_what_was_archived_can_be_loaded_again(site, tree, tmp_path):
    site.create()
    write_records(tree, RECORDS)
    load(site, tree, "--archive", tmp_path / "archive")
    assert list(tree.rglob("*.json")) == []
    archives = list((tmp_path / "archive").iterdir())
    assert len(archives) == 1 and archives[0].name.endswith(".tar.gz")
    database = site.connect()
    for table in ("xalt_run", "xalt_link", "join_run_object", "join_run_env", "xalt_pkg",
                  "join_link_object", "join_link_function"):  # fmt: skip
        database.execute("DELETE FROM " + table)
    database.close()
    load(site, archives[0])
    assert contents(site) == expected(RECORDS)


def test_rejected_files_go_into_quarantine(site, tree, tmp_path):
    site.create()
    paths = write_records(tree, RECORDS[:10])
    for number in (2, 5):
        paths[number].write_bytes(b'{"bad": %d}' % number)
    load(site, tree, "--quarantine", tmp_path / "bad", "--delete", status=3)
    assert list(tree.rglob("*.json")) == []
    assert sorted(path.name for path in (tmp_path / "bad").iterdir()) == sorted(
        (paths[2].name, paths[5].name)
    )


@pytest.mark.parametrize("option", ["--dry-run", "--testing"])
def test_a_trial_stores_and_removes_nothing(site, tree, option):
    site.create()
    write_records(tree, RECORDS)
    before = sorted(tree.rglob("*"))
    done = load(site, tree, option, "--delete", "--format", "json")
    assert f'"records": {len(RECORDS)}' in done.stdout
    assert sorted(tree.rglob("*")) == before
    assert contents(site) == expected([])
    assert site.rows("SELECT count(*) FROM usage_run") == [(0,)]


def test_only_the_files_of_a_cluster_are_read_and_removed(site, tree):
    site.create()
    paths = write_records(tree, [named("run", RUN)])
    other = changed(RUN, userT__syshost="polaris")
    name = named("run", other)[0].replace("aurora", "polaris")
    paths += write_records(tree, [(name, other)])
    load(site, tree, "--syshost", "pol*", "--delete")
    assert [path.exists() for path in paths] == [True, False]
    assert contents(site) == expected([(name, other)])


def test_each_file_is_named_on_request(site, tree):
    site.create()
    paths = write_records(tree, RECORDS[:9])
    lines = load(site, tree, "--report_file").stdout.splitlines()
    assert sorted(lines) == sorted(map(str, paths))


def test_a_timeout_ends_after_a_batch_and_the_next_run_goes_on(site, tree):
    site.create()
    records = make_records(500)
    write_records(tree, records)
    done = site.run(COMMAND, "--timeout", "1", "-q", tree)  # of two batches at least one
    stored = len(site.rows("SELECT run_id FROM xalt_run"))
    ((exit_code, waiting),) = site.rows("SELECT exit_code, waiting FROM usage_run")
    assert stored > 0 and done.returncode == exit_code
    if exit_code:  # this machine did not store both in that time
        assert (exit_code, waiting) == (75, 1 + waiting_packages(site))
        assert done.stderr.startswith("Error: stopped after 1 seconds")
    load(site, tree)
    assert contents(site) == expected(records)


def waiting_packages(site):
    """Return how many packages wait for their run."""
    return site.rows("SELECT COUNT(*) FROM xalt_pkg_waiting")[0][0]


def test_homes_are_searched_where_xalt_writes_there(site, tmp_path):
    site.create()
    for number, user in enumerate(("ada", "bob", "eve")):
        home = tmp_path / "home" / user / ".xalt.d"
        home.mkdir(parents=True)
        write_records(home, RECORDS[number * 5 : number * 5 + 5])
    (tmp_path / "home" / "mal").mkdir()
    (tmp_path / "home" / "mal" / ".xalt.d").symlink_to(tmp_path / "home" / "eve" / ".xalt.d")
    users = ":".join(f"{user};{tmp_path}/home/{user}" for user in ("ada", "bob", "mal"))
    done = site.run(
        COMMAND, "--delete", env=environment(XALT_FILE_PREFIX="USE_HOME", XALT_USERS=users)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(site) == expected(RECORDS[:10])
    assert len(list((tmp_path / "home" / "eve").rglob("*.json"))) == 5


def environment(**variables):
    """Return this environment with some variables."""
    import os

    return {**os.environ, **variables}


def test_where_to_look_must_be_said(site, tree):
    site.create()
    done = site.run(COMMAND)
    assert (done.returncode, "XALT_FILE_PREFIX" in done.stderr) == (2, True)
    done = site.run(COMMAND, env=environment(XALT_TRANSMISSION_STYLE="syslog"))
    assert (done.returncode, "xalt_syslog_to_db" in done.stderr) == (2, True)
    done = site.run(COMMAND, env=environment(XALT_FILE_PREFIX=str(tree)))
    assert done.returncode == 0
    assert site.run(COMMAND, tree / "none").returncode == 66


def test_accounts_modules_and_time_zones_come_from_the_site(site, tree, tmp_path):
    site.create()
    with site.conf_path.open("a") as file:
        file.write("\n[SITE]\nCLUSTERS = aurora: xalt=aurora timezone=America/Chicago\n")
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "xalt_rmapT.json").write_text(
        '{"reverseMapT": {"/apps/fftw3/3.3.10": "fftw3/3.3.10", "/home/otter": "otter/1"}}'
    )
    (tmp_path / "u2acct").write_text('{"otter": "default"}')
    write_records(tree, [named("run", changed(RUN, userT__account="unknown"))])
    load(site, tree, "--reverseMapD", tmp_path / "maps", "--u2acct", tmp_path / "u2acct")
    rows = site.rows("SELECT account, module_name, date FROM xalt_run")
    assert [(*row[:2], str(row[2])) for row in rows] == [
        ("default", "otter/1", "2025-12-31 18:00:00")
    ]
    modules = site.rows("SELECT module_name FROM xalt_object ORDER BY object_path")
    assert modules == [("fftw3/3.3.10",), (None,)]


def test_filters_leave_runs_and_packages_out_the_same_way_each_time(site, tree, tmp_path):
    site.create()
    (tmp_path / "filters").write_text(
        '{"pre_ingest": [[0.5, "/apps/.*"], [0, "/home/.*"]],'
        ' "packages": [["SKIP", "python:name:numpy.*"]]}'
    )
    write_records(tree, RECORDS)
    load(site, tree, "--filter-config", tmp_path / "filters")
    found = contents(site)
    assert 0 < len(found["runs"]) < 40
    for run in found["runs"].values():
        assert run["columns"][16].startswith("/apps/") and run["columns"][6] == 0.5
    both = [run for run in found["runs"].values() if run["records"] == 3]
    assert both, "starts and ends are kept together"
    kept = {key[1] for key in found["runs"]}
    assert all(package[0] in kept for package in found["packages"])
    assert not any(package[2].startswith("numpy") for package in found["packages"])
    load(site, tree, "--filter-config", tmp_path / "filters")
    assert contents(site) == found


def test_the_tables_are_not_made_by_a_loader_on_a_server(site, tree):
    write_records(tree, RECORDS[:3])
    done = site.run(COMMAND, tree)
    if site.config.backend == "sqlite":
        assert done.returncode == 0
    else:
        assert (done.returncode, "run createDB" in done.stderr) == (78, True)


def test_the_summary_counts_runs_by_their_time(site, tree):
    site.create()
    times = {10.0: 1, 900.0: 1, 1800.0: 16, 4000.0: 16}
    records = [
        named("run", changed(RUN, userDT__run_time=seconds, userDT__num_cores=float(cores),
                             hash_id=f"{number:040x}"), number)
        for number, (seconds, cores) in enumerate(times.items())
    ]  # fmt: skip
    write_records(tree, records)
    import json

    summary = json.loads(load(site, tree, "--format", "json").stdout)
    counts = {row["kind"]: (row["count"], row["average_seconds"]) for row in summary["run_times"]}
    assert counts["Scalar < 15 mins"] == (1, 10.0) and counts["Scalar < 30 mins"] == (1, 900.0)
    assert counts["ALL MPI"] == (2, 2900.0) and counts["MPI < 60 mins"] == (1, 1800.0)
    assert counts["MPI > 60 mins"] == (1, 4000.0) and counts["Scalar > 60 mins"] == (0, 0)
    assert summary["runs"] == 4 and SYSHOST == "aurora"


def test_values_that_are_too_long_are_cut_and_stay_apart(site, tree):
    site.create()
    long = changed(RUN, userT__exec_path="/x" * 3000, userT__account="a" * 300,
                   userT__queue="q" * 99, userT__user="u" * 99)  # fmt: skip
    long["libA"] = [["/l" * 2000 + "1", "0"], ["/l" * 2000 + "2", "0"]]
    long["envT"] = {"N" * 100 + "1": "x" * 70000, "N" * 100 + "2": "y"}
    link = changed(LINK, resultT__link_path="/p" * 3000, link_line=["\N{GRINNING FACE}" * 60000])
    write_records(tree, [named("run", long), named("link", link)])
    load(site, tree)
    assert site.rows("SELECT count(*) FROM xalt_object WHERE object_path LIKE '/l%'") == [(2,)]
    assert site.rows("SELECT count(*) FROM join_run_env") == [(2,)]
    load(site, tree, "-v")
    assert site.rows("SELECT count(*) FROM xalt_run") == [(1,)]
