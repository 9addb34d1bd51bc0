"""What a job or a user loaded is what counting the loads in plain Python gives."""

import collections
import datetime

import pytest

from lmodtrack import of_job
from tests.lmodtrack.logs import START, log_of, make_loads

UTC = datetime.timezone.utc
LOADS = make_loads(600, seed=5, days=6, users=4, modules=8)
NAMES = sorted({load.user for load in LOADS})


@pytest.fixture
def database(site, tmp_path):
    """An open Database with all single loads."""
    path = tmp_path / "a.log"
    path.write_bytes(log_of(LOADS))
    assert site.create("lmod").run("store_module_data", "--store_all", path).returncode == 0
    opened = site.connect()
    yield opened
    opened.close()


def day_of(load):
    """Return the day of a load as YYYYMMDD; the tests' clock is in UTC."""
    return int(datetime.datetime.fromtimestamp(load.time, UTC).strftime("%Y%m%d"))


def counted(loads):
    """Return the Loaded of some loads, without the code that is tested."""
    groups = collections.defaultdict(list)
    for load in loads:
        groups[load.module, load.path, load.host.split(".")[1]].append(load)
    return {
        key: (
            min(load.time for load in some),
            max(load.time for load in some),
            len(some),
            len({day_of(load) for load in some}),
        )
        for key, some in groups.items()
    }


def found(loaded):
    """Return of_job.Loaded in the form of `counted`."""
    assert [one.first_time for one in loaded] == sorted(one.first_time for one in loaded)
    return {
        one[:3]: (round(one.first_time, 6), round(one.last_time, 6), *one[5:]) for one in loaded
    }


@pytest.mark.parametrize("user", NAMES)
def test_the_modules_of_a_job_are_those_that_its_user_loaded_under_its_number(database, user):
    for number in ("17", "4711"):
        wanted = [load for load in LOADS if load.user == user and load.job_id == number]
        assert wanted
        assert found(of_job.loads_of_job(database, number, user)) == counted(wanted)


def test_loads_of_another_time_belong_to_another_job_of_that_number(database):
    since, until = START + 86400, START + 2 * 86400
    wanted = [
        load
        for load in LOADS
        if load.user == "user1" and load.job_id == "17" and since <= load.time <= until
    ]
    loaded = of_job.loads_of_job(database, "17", "user1", since=since, until=until)
    assert wanted
    assert found(loaded) == counted(wanted)


def test_loads_of_other_clusters_are_left_out(database):
    sql = "SELECT cluster_id FROM lmod_cluster WHERE cluster_name = 'cluster1'"
    ((number,),) = database.rows(sql)
    wanted = [load for load in LOADS if load.user == "user2" and ".cluster1." in load.host]
    of_17 = [load for load in wanted if load.job_id == "17"]
    days = {day_of(load) for load in LOADS}
    assert found(of_job.loads_of_job(database, "17", "user2", {number})) == counted(of_17)
    assert found(of_job.loads_of_user(database, "user2", days, {number})) == counted(wanted)
    assert of_job.loads_of_job(database, "17", "user2", ()) == []
    assert of_job.loads_of_user(database, "user2", days, ()) == []


def test_loads_without_a_number_are_those_of_no_job(database):
    assert any(load.job_id == "" for load in LOADS)
    assert of_job.loads_of_job(database, "", "user1") == []


def test_nothing_is_known_of_others(database):
    hostile = "user1' OR '1'='1"
    for user in ("nobody-here", "", "user%", hostile):
        assert of_job.loads_of_job(database, "17", user) == []
        assert of_job.loads_of_user(database, user, [20260101]) == []
    assert of_job.loads_of_job(database, "17' OR 1=1 --", "user1") == []
    assert of_job.loads_of_user(database, "user1", []) == []


@pytest.mark.parametrize("days_per_query", [1, 2, 400])
def test_the_loads_of_a_user_are_those_of_the_days(database, monkeypatch, days_per_query):
    monkeypatch.setattr(of_job, "DAYS_PER_QUERY", days_per_query)
    for days in ([20260102], [20260101, 20260103, 20260104], range(20251201, 20260131)):
        wanted = [load for load in LOADS if load.user == "user0" and day_of(load) in days]
        assert wanted
        assert found(of_job.loads_of_user(database, "user0", days)) == counted(wanted)


def test_no_question_reads_a_whole_table(sqlite_site):
    database = sqlite_site.create("lmod").connect()
    database.execute("INSERT INTO lmod_user (user_name, user_folded) VALUES ('ann', 'ann')")
    asked: list = []
    database.connection.set_trace_callback(asked.append)
    of_job.loads_of_job(database, "17", "ann", {1})
    of_job.loads_of_user(database, "ann", [20260101, 20260102], {1})
    database.connection.set_trace_callback(None)
    large = [sql for sql in asked if "lmod_use" in sql.split() or "lmod_load" in sql.split()]
    plans = [[row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}")] for sql in large]
    database.close()
    assert len(plans) == 2
    assert plans[0][0].startswith("SEARCH lmod_load USING INDEX lmod_load_by_job (job_id=?")
    assert plans[1][0].startswith("SEARCH lmod_use USING PRIMARY KEY (day=? AND user_id=?)")
