"""The modules of a job, a user and the cluster are those of the log."""

import datetime

import pytest

from lmodtrack.record import Load
from usagedb import errors
from userportal.suite import modules

DAY, HOUR = 86400, 3600
START = datetime.datetime(2026, 3, 10, tzinfo=datetime.timezone.utc).timestamp()
SINCE, TODAY = datetime.date(2026, 2, 9), datetime.date(2026, 3, 31)
MAP = "alder: lmod=login,alder slurm=fr timezone=UTC"


def load(module, at, user="ann", job="", cluster="alder", path=None):
    """Return a Load some seconds after START."""
    return Load(
        user=user, module=module, path=path or f"/apps/{module}.lua",
        host=f"n1.{cluster}.example.org", time=START + at, user_load=1, job_id=job,
    )  # fmt: skip


def names(found):
    """Return the names of the modules of an answer."""
    return [one.name for one in found.modules]


def of_job(database, job_id=17, user="ann", start=START, end=START + HOUR, **options):
    """Return the ModulesOfJob on the cluster that Slurm calls fr."""
    return modules.modules_of_job(database, "fr", job_id, user, start, end, **options)


LOADS = [
    load("gcc/12", 60, job="17"),
    load("openmpi/4", 61, job="17"),
    load("gcc/12", 900, job="17"),
    load("python/3", 70, job="18"),
    load("gcc/9", 80, job="17", user="bob"),
    load("fftw/3", 90, job="17", cluster="other"),
    load("old/1", -40 * DAY, job="17"),
]


def test_a_job_has_the_modules_that_were_logged_with_its_number_and_no_others(filled):
    database = filled.loads(LOADS, "--store_all").open(MAP)
    found = of_job(database)
    assert found.exact
    assert names(found) == ["gcc/12", "openmpi/4"]
    assert found.days == ()
    assert found.modules[0] == modules.LoadedModule(
        "gcc/12", "/apps/gcc/12.lua", START + 60, START + 900, 2
    )
    assert names(of_job(database, 18)) == ["python/3"]
    assert names(of_job(database, 17, "bob")) == ["gcc/9"]


def test_a_job_without_logged_numbers_has_the_modules_of_its_user_on_its_days(filled):
    loads = [
        load("before/1", -HOUR),  # on the day before
        load("login/1", 10),
        load("job/1", 2 * HOUR),
        load("next/1", DAY + HOUR),
        load("after/1", DAY + 5 * HOUR),  # when the job had ended
        load("bobs/1", 2 * HOUR, user="bob"),
        load("other/1", 2 * HOUR, cluster="other"),
    ]
    database = filled.loads(loads).open(MAP)
    found = of_job(database, 17, "ann", START + HOUR, START + DAY + 2 * HOUR)
    assert not found.exact
    assert names(found) == ["login/1", "job/1", "next/1"]
    assert found.days == (datetime.date(2026, 3, 10), datetime.date(2026, 3, 11))


def test_days_are_those_of_the_cluster(sqlite_filled):
    tokyo = MAP.replace("UTC", "Asia/Tokyo")
    database = sqlite_filled.open(tokyo)
    found = of_job(database, start=START - HOUR, end=START - HOUR)
    assert found.days == (datetime.date(2026, 3, 10),)
    database = sqlite_filled.open(MAP)
    found = of_job(database, start=START - HOUR, end=START - HOUR)
    assert found.days == (datetime.date(2026, 3, 9),)


def test_more_modules_than_fit_are_counted(sqlite_filled):
    loads = [load(f"tool/{number}", number, job="17") for number in range(8)]
    database = sqlite_filled.loads(loads, "--store_all").open(MAP)
    found = of_job(database, most=3)
    assert (names(found), found.more) == (["tool/0", "tool/1", "tool/2"], 5)


def test_a_job_that_waits_or_has_no_number_has_no_modules(sqlite_filled):
    database = sqlite_filled.loads(LOADS, "--store_all").open(MAP)
    nothing = modules.ModulesOfJob(False, (), 0, ())
    assert of_job(database, start=None, end=None) == nothing
    for job_id in ("", "17' OR 1=1 --", "%", None):
        assert not of_job(database, job_id).exact


def test_a_long_job_looks_at_its_first_days_alone(sqlite_filled):
    database = sqlite_filled.open(MAP)
    found = of_job(database, end=START + 400 * DAY)
    assert len(found.days) == modules.MOST_DAYS_OF_JOB
    assert found.days[0] == datetime.date(2026, 3, 10)


def test_all_clusters_are_meant_where_the_site_has_but_one_and_calls_it_otherwise(sqlite_filled):
    database = sqlite_filled.loads(LOADS, "--store_all").open()
    assert names(of_job(database)) == ["gcc/12", "openmpi/4", "fftw/3"]
    found = modules.modules_of_job(database, "other", 17, "ann", START, START + HOUR)
    assert names(found) == ["fftw/3"]


def test_hostile_names_find_nothing_and_break_nothing(filled):
    database = filled.loads(LOADS, "--store_all").open(MAP)
    for user in ("' OR '1'='1", "ann\0", "%", "\udcff", "x" * 100_000, "", "ANN", "ann "):
        assert names(of_job(database, 17, user)) == []
        assert names(modules.most_used_modules(database, "fr", user, SINCE, TODAY)) == []


def test_a_user_uses_most_what_was_loaded_on_most_days(filled):
    loads = [load("loop/1", number) for number in range(50)]
    loads += [load("daily/1", number * DAY) for number in range(5)]
    loads += [load("daily/1", DAY, path="/other/daily/1.lua"), load("rare/1", 3)]
    loads += [load("ancient/1", -60 * DAY), load("bobs/1", 1, user="bob")]
    database = filled.loads(sorted(loads, key=lambda one: one.time)).open(MAP)
    found = modules.most_used_modules(database, "fr", "ann", SINCE, TODAY, most=2)
    assert [(one.name, one.days, one.loads) for one in found.modules] == [
        ("daily/1", 5, 6),
        ("loop/1", 1, 50),
    ]
    assert (found.more, found.since) == (1, SINCE)
    assert found.modules[0].last_day == datetime.date(2026, 3, 14)
    assert found.modules[0].users is None


def test_no_more_than_a_year_of_a_user_is_counted(sqlite_filled):
    database = sqlite_filled.loads([load("old/1", -400 * DAY), load("new/1", 0)]).open(MAP)
    found = modules.most_used_modules(database, "fr", "ann", datetime.date(1970, 1, 1), TODAY)
    assert names(found) == ["new/1"]
    assert found.since == TODAY - datetime.timedelta(days=365)
    assert (
        modules.most_used_modules(
            database, "fr", "ann", TODAY + datetime.timedelta(days=1), TODAY
        ).modules
        == ()
    )


CLUSTER_LOADS = [
    load("used/1", 0, user="ann"),
    load("used/1", 1, user="bob"),
    load("loop/1", 2, user="ann"),
    load("loop/1", 3, user="ann"),
    load("loop/1", 4, user="ann"),
    load("elsewhere/1", 5, cluster="other"),
    load("old/1", -60 * DAY),
]  # fmt: skip


def test_a_cluster_uses_most_what_most_users_load(filled):
    loads = sorted(CLUSTER_LOADS, key=lambda one: one.time)
    database = filled.loads(loads).open(MAP)
    found = modules.most_used_of_cluster(database, "fr", SINCE, most=1)
    assert [(one.name, one.users, one.loads, one.days) for one in found.modules] == [
        ("used/1", 2, 2, None)
    ]
    assert found.more == 1
    assert found.since == datetime.date(2026, 2, 1)
    assert found.modules[0].last_day == datetime.date(2026, 3, 10)


def test_what_nobody_uses_is_what_no_user_of_the_cluster_loaded(filled):
    loads = sorted(CLUSTER_LOADS, key=lambda one: one.time)
    database = filled.loads(loads).open(MAP)
    paths = [f"/apps/{name}.lua" for name in ("used/1", "never/1", "old/1", "elsewhere/1")]
    found = modules.modules_nobody_uses(database, "fr", SINCE, paths)
    assert found.modules == (
        modules.UnusedModule("/apps/elsewhere/1.lua", None),
        modules.UnusedModule("/apps/never/1.lua", None),
        modules.UnusedModule("/apps/old/1.lua", datetime.date(2026, 1, 9)),
    )
    assert (found.known, found.more, found.since) == (4, 0, datetime.date(2026, 2, 1))
    found = modules.modules_nobody_uses(database, "fr", SINCE, paths, most=1)
    assert (len(found.modules), found.more) == (1, 2)


def test_without_a_list_of_modules_those_that_were_loaded_once_are_looked_at(filled):
    loads = sorted(CLUSTER_LOADS, key=lambda one: one.time)
    database = filled.loads(loads).open(MAP)
    found = modules.modules_nobody_uses(database, "fr", SINCE)
    assert [one.path for one in found.modules] == ["/apps/old/1.lua"]
    assert found.known == 3


def test_known_modules_are_those_of_a_list_or_a_tree(tmp_path):
    (tmp_path / "gcc").mkdir()
    (tmp_path / "gcc" / "12.lua").write_text("--")
    (tmp_path / "list").write_text("# all\n/apps/a.lua\n")
    assert modules.known_modules(tmp_path / "list") == ["/apps/a.lua"]
    assert modules.known_modules(tree=tmp_path) == [str(tmp_path / "gcc" / "12.lua")]
    assert modules.known_modules() is None
    with pytest.raises(errors.MissingInputError):
        modules.known_modules(tmp_path / "none")


def test_control_characters_in_names_are_escapes(sqlite_filled):
    evil = "evil\x1b[31m\u202e/1"
    shown = "evil\\x1b[31m\\u202e/1"
    database = sqlite_filled.loads([load(evil, 5, job="17")], "--store_all").open(MAP)
    (one,) = of_job(database).modules
    assert (one.name, one.path) == (shown, f"/apps/{shown}.lua")
    assert names(modules.most_used_modules(database, "fr", "ann", SINCE, TODAY)) == [shown]
    assert names(modules.most_used_of_cluster(database, "fr", SINCE)) == [shown]
    found = modules.modules_nobody_uses(database, "fr", datetime.date(2026, 4, 1))
    assert [some.path for some in found.modules] == [f"/apps/{shown}.lua"]
