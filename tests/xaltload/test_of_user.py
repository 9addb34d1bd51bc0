"""What a user ran is what reading the records independently gives."""

import collections
import datetime

import pytest

from tests.mysql_server import is_mysql
from tests.older_schema import downgrade
from tests.xaltload.loading import expected, make_records
from tests.xaltload.test_of_job import load, run_record  # noqa: F401 - a fixture
from xaltload import of_user

DAY = 86400
FIRST = datetime.date(2026, 1, 1)


def test_every_user_has_the_programs_of_the_records(load):  # noqa: F811
    records = make_records(60, seed=12)
    database = load(records)
    users = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in expected(records)["runs"].values():
        users[run["columns"][14]][run["columns"][16]].append(run)
    assert len(users) > 10
    for user, programs in users.items():
        found = of_user.programs(database, user, FIRST)
        assert [one.core_seconds for one in found] == sorted(
            (one.core_seconds for one in found), reverse=True
        )
        assert {one.exec_path: one.runs for one in found} == {
            path: len(runs) for path, runs in programs.items()
        }
        for one in found:
            columns = [run["columns"] for run in programs[one.exec_path]]
            assert one.run_seconds == pytest.approx(sum(some[5] for some in columns))
            assert one.core_seconds == pytest.approx(sum(some[5] * some[7] for some in columns))
            assert one.most_tasks == max(some[7] for some in columns)
            assert one.last_day == max(run["date"] for run in programs[one.exec_path])[:10]


def test_runs_before_the_day_or_of_others_do_not_count(load):  # noqa: F811
    database = load(
        [
            run_record(0, "/old"),
            run_record(2 * DAY, "/prog", userT__job_id="1"),
            run_record(2 * DAY + 1, "/prog", userT__job_id="2"),
            run_record(2 * DAY + 2, "/prog", userT__job_id="unknown"),
            run_record(2 * DAY + 3, "/long", userDT__run_time=999.0),
            run_record(2 * DAY + 4, "/prog", userT__user="fox"),
            run_record(2 * DAY + 5, "/polaris", userT__syshost="polaris"),
        ]
    )
    day = datetime.date(2026, 1, 3)
    found = of_user.programs(database, "otter", day, ("aurora", "aurora-old"))
    assert [(one.exec_path, one.runs, one.jobs) for one in found] == [
        ("/long", 1, 1),
        ("/prog", 3, 2),
    ]
    assert (found[0].core_seconds, found[0].last_day) == (999 * 16, "2026-01-03")
    assert len(of_user.programs(database, "otter", day)) == 3
    assert of_user.programs(database, "otter", day, ("vesta",)) == []
    for user in ("nobody-here", "", "%", "otter' OR '1'='1", "OTTER", "aurora"):
        assert of_user.programs(database, user, day) == []


def test_builds_of_a_program_are_one_program(load):  # noqa: F811
    database = load(
        [
            run_record(1, "/prog", xaltLinkT={}),
            run_record(2, "/prog", userDT__probability=0.5, userDT__num_cores=64.0),
        ]
    )
    (one,) = of_user.programs(database, "otter", FIRST)
    assert (one.runs, one.run_seconds, one.core_seconds) == (2, 20.0, 10 * 16 + 10 * 64)
    assert (one.most_tasks, one.least_probability) == (64, 0.5)


def test_runs_that_no_loader_prepared_count(load):  # noqa: F811
    database = load([run_record(1, "/prog"), run_record(2, "/prog"), run_record(3, "/other")])
    database.execute(
        "UPDATE xalt_run SET cluster_id = NULL, program_id = NULL, user_id = NULL, run_key = NULL"
        " WHERE start_time > 1767225602"
    )
    found = of_user.programs(database, "otter", FIRST, ("aurora",))
    assert {one.exec_path: (one.runs, one.jobs) for one in found} == {
        "/prog": (2, 2),  # one was prepared: the job is not known to be the same
        "/other": (1, 1),
    }


def test_a_cluster_is_known_by_its_runs_alone(load):  # noqa: F811
    database = load([run_record(1)])
    assert of_user.knows_cluster(database, "aurora")
    assert not of_user.knows_cluster(database, "polaris")
    assert not of_user.knows_cluster(database, "otter")  # the name of a user


def plans_of(database, asked):
    """Return what SQLite does for each statement that reads runs: a list of lists of steps."""
    return [
        [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}")]
        for sql in asked
        if "FROM xalt_run" in sql
    ]


@pytest.mark.parametrize(("version", "index"), [(3, "xalt_run_by_user_id"), (2, "xalt_run_facts")])
def test_no_question_reads_a_whole_table(sqlite_site, version, index):
    sqlite_site.create("xalt")
    if version == 2:
        downgrade(sqlite_site, "xalt", 2)
    database = sqlite_site.connect()
    database.execute("INSERT INTO xalt_name (name) VALUES ('ann')")
    asked: list = []
    database.connection.set_trace_callback(asked.append)
    of_user.programs(database, "ann", FIRST)
    database.connection.set_trace_callback(None)
    prepared, unprepared = plans_of(database, asked)
    database.close()
    assert f"USING COVERING INDEX {index} " in prepared[0], prepared
    assert "SEARCH xalt_run USING" in unprepared[0], unprepared


@pytest.mark.parametrize("clusters", [(), ("aurora",)])
def test_the_runs_of_a_user_are_read_from_one_index(site, clusters):
    """The table itself is not read: a server would jump through all of it."""
    if site.config.backend != "mysql" or is_mysql():
        pytest.skip("of servers MariaDB says what it reads of empty tables too")
    database = site.create("xalt").connect()
    database.execute("INSERT INTO xalt_name (name) VALUES ('ann'), ('aurora')")
    asked: list = []
    rows = database.rows
    database.rows = lambda *query: asked.append(query) or rows(*query)
    of_user.programs(database, "ann", FIRST, clusters)
    (query,) = [query for query in asked if "GROUP BY program_id" in query[0]]
    ((*_others, extra),) = rows(f"EXPLAIN {query[0]}", query[1])
    database.close()
    assert "Using index" in extra
