"""Every number of a report is what counting the loads in plain Python gives."""

import collections
import csv
import datetime
import io
import json
import random

import pytest

from lmodtrack.record import Load
from tests.lmodtrack.logs import log_of, make_loads
from usagedb.dates import date_of

UTC = datetime.timezone.utc
LOADS = make_loads(3000, seed=21, days=100, users=25, modules=20)
HOSTILE = "evil\x1b[31m\u202e\nname"


@pytest.fixture
def filled(site, tmp_path):
    """A site with three months of loads."""
    path = tmp_path / "a.log"
    path.write_bytes(log_of(LOADS))
    assert site.create().run("store_module_data", path).returncode == 0
    return site


def report(site, *arguments):
    """Run a report and return its rows without the headings, as texts."""
    done = site.run("analyzeLmodDB", *arguments, "--format", "csv")
    assert (done.returncode, done.stderr) == (0, "")
    return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))][1:]


def day_of(load):
    return datetime.datetime.fromtimestamp(load.time, UTC).date()


def chosen(start=None, end=None, part=""):
    return [
        load
        for load in LOADS
        if (not start or day_of(load) >= start)
        and (not end or day_of(load) < end)
        and part in load.path
    ]


def expected_counts(loads):
    users, number = collections.defaultdict(set), collections.Counter()
    for load in loads:
        users[load.path].add(load.user)
        number[load.path] += 1
    rows = [(len(users[path]), path, number[path]) for path in users]
    return [(path, str(count), str(n)) for count, path, n in sorted(rows, reverse=True)]


def window(start, end):
    return (*(("--start", start) if start else ()), *(("--end", end) if end else ()))


def test_counts_are_exact_for_any_window(filled):
    source = random.Random(22)
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(days=n) for n in range(105)]
    windows = [(None, None), (date_of(20260201), date_of(20260301)), (date_of(20260301), None)]
    windows += [tuple(sorted(source.sample(days, 2))) for _number in range(4)]
    for start, end in windows:
        for pattern, part in (("%", ""), ("%TOOL1%", "tool1"), ("%/1_.0.lua", "/1")):
            wanted = chosen(start, end, part)
            if pattern.startswith("%/1_"):
                wanted = [load for load in wanted if len(load.path.split("/")[-1]) == 8]
            rows = report(filled, "counts", "--loads", "--sqlPattern", pattern, *window(start, end))
            assert rows == expected_counts(wanted)


def test_usernames_and_modules_used_by_list_each_pair_once(filled):
    start, end = date_of(20260110), date_of(20260305)
    pairs = sorted({(load.path, load.user) for load in chosen(start, end, "tool2")})
    assert report(filled, "usernames", "--sqlPattern", "%tool2%", *window(start, end)) == pairs
    own = collections.Counter(
        (load.path, load.user) for load in chosen(start, end) if load.user == "user3"
    )
    rows = report(
        filled, *window(start, end), "--loads", "modules_used_by", "--sqlPattern", "USER3"
    )
    assert rows == [(*pair, str(number)) for pair, number in sorted(own.items())]
    assert report(filled, "modules_used_by") == sorted({(one.path, one.user) for one in LOADS})


def test_clusters_are_counted_apart_and_chosen(filled):
    rows = report(filled, "counts", "--by-syshost", "--syshost", "cluster1")
    mine = [load for load in LOADS if ".cluster1." in load.host]
    assert {(row[0], row[2]) for row in rows} == {row[:2] for row in expected_counts(mine)}
    assert {row[1] for row in rows} == {"cluster1"}
    done = filled.run("analyzeLmodDB", "counts", "--syshost", "nowhere")
    assert "no cluster is called nowhere: there are cluster0, cluster1" in done.stderr


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_trend_has_every_period_without_gaps(filled, period):
    def beginning(day):
        if period == "week":
            return day - datetime.timedelta(days=day.weekday())
        return day.replace(day=1) if period == "month" else day

    users, number = collections.defaultdict(set), collections.Counter()
    for load in chosen(part="tool3"):
        users[beginning(day_of(load))].add(load.user)
        number[beginning(day_of(load))] += 1
    rows = report(filled, "trend", "--period", period, "--sqlPattern", "%tool3%")
    found = {row[0]: row[1:] for row in rows if row[2] != "0"}
    assert found == {str(day): (str(len(users[day])), str(number[day])) for day in users}
    days = [datetime.date.fromisoformat(row[0]) for row in rows]
    assert days == sorted(set(days)) and beginning(days[0]) == days[0]
    assert len(days) >= {"day": 90, "week": 13, "month": 4}[period]


def test_unused_names_what_nobody_loads_and_its_last_load(filled, tmp_path):
    last = max(day_of(load) for load in LOADS if load.path == "/apps/tool0/0.0.lua")
    tree = tmp_path / "tree"
    for name in ("a/1.lua", "a/.hidden.lua", "b/2", "b/notes"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("#%Module\n" if name == "b/2" else "text")
    (tree / "a" / "default").symlink_to("1.lua")
    (tree / "loop").symlink_to(tree)
    assert report(filled, "unused", "--moduletree", tree) == [
        (str(tree / "a/1.lua"), "never"),
        (str(tree / "b/2"), "never"),
    ]
    paths = tmp_path / "all"
    paths.write_text("# all\n/apps/tool0/0.0.lua\n/apps/new\n")
    after = last + datetime.timedelta(days=1)
    rows = report(filled, "unused", "--allmodulesFn", paths, "--start", after)
    assert rows == [("/apps/new", "never"), ("/apps/tool0/0.0.lua", str(last))]
    zero = report(filled, "counts", "--allmodulesFn", paths, "--sqlPattern", "%new")
    assert zero == [("/apps/new", "0")]


def test_versions_tell_who_must_be_told(sqlite_site, tmp_path):
    lines = [
        f"ModuleUsageTracking: user={user} module=gcc/{version} path=/a/gcc/{version}"
        f" host=h time=1767225600.000000\n"
        for user, version in (("ann", "1.9"), ("bob", "1.9"), ("bob", "1.10"), ("eve", "1.10"))
    ]
    (tmp_path / "a.log").write_text("".join(lines))
    sqlite_site.create().run("store_module_data", tmp_path / "a.log")
    rows = report(sqlite_site, "versions")
    assert rows == [
        ("gcc", "1.9", "2", "1", "2", "2026-01-01", "ann, bob"),
        ("gcc", "1.10", "2", "1", "2", "2026-01-01", ""),
    ]


def test_a_path_under_two_full_names_is_one_row(sqlite_site, tmp_path):
    lines = [
        f"ModuleUsageTracking: user=ann module={name} path=/a/gcc/1 host=h time=1767225600.000000\n"
        for name in ("gcc/1", "Core/gcc/1")
    ]
    (tmp_path / "a.log").write_text("".join(lines))
    sqlite_site.create().run("store_module_data", tmp_path / "a.log")
    assert report(sqlite_site, "counts", "--loads") == [("/a/gcc/1", "1", "2")]


def test_impossible_questions_are_errors(filled):
    for arguments in (
        ("counts", "--start", "2015-13-99"),
        ("counts", "--end", "tomorrow"),
        ("counts", "--start", "2026-02-01", "--end", "2026-02-01"),
        ("unused",),
        ("usernames", "--chart"),
        ("trend", "--by-syshost"),
        ("versions", "--by-syshost"),
        ("unused", "--moduletree", "/none", "--by-syshost"),
        ("everything",),
    ):
        done = filled.run("analyzeLmodDB", *arguments)
        assert done.returncode == 2
        assert done.stdout == ""


INJECTIONS = [
    "' OR '1'='1",
    "'; DROP TABLE lmod_use; --",
    '"; DELETE FROM lmod_use; --',
    "\\' OR 1",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_an_option_is_only_text(filled, text):
    before = filled.rows("SELECT COUNT(*) FROM lmod_use")
    for report_name in ("counts", "usernames", "modules_used_by", "trend", "versions"):
        assert report(filled, report_name, "--sqlPattern", text) == []
    for option in ("--syshost", "--start", "--end", "--dbname"):
        filled.run("analyzeLmodDB", "counts", option, text)
    filled.run("delete_old_records", "--end", "2020-01-01", "--syshost", text, "--yes")
    filled.run("delete_old_records", "--end", text, "--yes")
    filled.run("delete_old_records", "--end", "2020-01-01", "--schema", text, "--yes")
    filled.run("usage_status", "--command", text)
    assert filled.rows("SELECT COUNT(*) FROM lmod_use") == before


def test_a_hostile_user_name_cannot_disturb_a_terminal(sqlite_site, tmp_path):
    load = Load(HOSTILE, "m/1", f"/p/{HOSTILE}", "h", 1767225600.0)
    (tmp_path / "a.log").write_bytes(log_of([load]))
    assert sqlite_site.create().run("store_module_data", tmp_path / "a.log").returncode == 0
    for output_format in ("table", "csv", "json", "markdown"):
        for report_name in ("usernames", "counts", "versions"):
            done = sqlite_site.run("analyzeLmodDB", report_name, "--format", output_format)
            assert not {"\x1b", "\u202e"} & set(done.stdout)
    chart = sqlite_site.run("analyzeLmodDB", "counts", "--chart").stdout
    assert not {"\x1b", "\u202e"} & set(chart)
    done = sqlite_site.run("analyzeLmodDB", "usernames", "--format", "json")
    assert json.loads(done.stdout)[0]["user_name"] == HOSTILE


def test_chart_and_plot_show_counts_and_trend(sqlite_site, tmp_path):
    (tmp_path / "a.log").write_bytes(log_of(LOADS))
    sqlite_site.create().run("store_module_data", tmp_path / "a.log")
    chart = sqlite_site.run("analyzeLmodDB", "trend", "--chart")
    assert "Distinct Users" in chart.stdout
    for name, start in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG")):
        for report_name in ("counts", "trend"):
            done = sqlite_site.run("analyzeLmodDB", report_name, "--plot", tmp_path / name)
            assert (done.returncode, done.stdout) == (0, "")
            assert (tmp_path / name).read_bytes().startswith(start)


def test_a_table_of_versions_names_a_few_users_and_csv_names_all(sqlite_site, tmp_path):
    names = [f"user{number:02d}" for number in range(12)]
    log = "".join(
        f"ModuleUsageTracking: user={user} module=gcc/1 path=/a/gcc/1 host=h"
        " time=1767225600.000000\n"
        for user in names
    )
    (tmp_path / "a.log").write_text(log)
    sqlite_site.create().run("store_module_data", tmp_path / "a.log")
    table = sqlite_site.run("analyzeLmodDB", "versions").stdout
    assert "user00, user01, user02, user03, user04 and 7 more" in table
    assert report(sqlite_site, "versions")[0][-1] == ", ".join(names)
