"""The same condition on jobs and processes gives the same result on each database; none is given
to one."""

import pytest

from epmtlite import query
from epmtlite.analysis.errors import BadArgument
from tests.epmtlite.made_jobs import contents, record
from tests.epmtlite.query.site import shifted, stored

RECORDS = [
    record(pid=10, start=0, lasts=9000, tags="", exename="bash", path="/bin/bash"),
    record(pid=11, ppid=10, start=100, lasts=1000, tags="op:cp;n:1", exename="cp", args="it's 5%",
           exitcode=3),
    record(pid=12, ppid=10, start=600, lasts=1000, tags="op:cp;odd key:2", exename="cp_a",
           threads=[(1, 2, 3, 4, 5, 6), (10, 20, 30, 40, 50, 60)], hostname="n2"),
    record(pid=13, ppid=11, start=5000, lasts=500, tags="op:mv;n:5", exename="\u00fc", args=""),
]  # fmt: skip
JOBS = (
    shifted("1", 0, "exp_name:ocean;it's:a;odd key:x.y", records=RECORDS, job_pl_username="bob"),
    shifted("2", 1, "exp_name:ice;n:5", annotations={"grade": 5, "done": True, "text": "5%"}),
    shifted("3", 2, ""),
)
JOB_CONDITIONS = (
    ("tags.exp_name = 'ocean'", "1"), ("tags.exp_name != 'ocean'", "2"),
    ("tags.exp_name is null", "3"), ("not tags.exp_name = 'ocean'", "2"),
    ("tags['odd key'] = 'x.y'", "1"), ("tags[\"it's\"] like '_'", "1"), ("tags.n = 5", "2"),
    ("tags.n > 4.5 and tags.n < '6'", "2"), ("annotations.grade = 5", "2"),
    ("annotations.grade in ('5', 6)", "2"), ("annotations.done = 1", "2"),
    ("annotations.text like '5\\%'", "2"), ("annotations.text like '%\\'", ""),
    ("analyses.x is null", "123"), ("user = 'bob'", "1"), ("user like '%'", "123"),
    ("jobid in ('1', '3')", "13"), ("jobid > 1", "23"), ("cluster = ''", "123"),
    ("start >= '2026-03-02'", "23"), ("end < '03/02/2026 10:00'", "12"),
    ("submit between '2026-03-01' and '2026-03-03 00:00'", "12"),
    ("created_at > '2026-03-04' and updated_at > -1", "123"),
    ("duration = 3.6e9", "123"), ("start = submit and start < end", "123"),
    ("num_procs > 1", "1"), ("num_procs = num_threads", "23"), ("num_threads = 5", "1"),
    ("usertime = 911", "1"), ("usertime > systemtime and usertime > 300", "1"),
    ("cpu_time = 400", "23"), ("rdtsc_duration > 0", "123"), ("exitcode = 0", "123"),
    ("zone = '+00:00'", "123"), ("jobname like 'r%n'", "123"), ("peak_rss >= 2048", "123"),
    ("day = 20260302", "2"), ("user = 'x'", ""),
    ("jobid = '1'' or ''1''=''1'", ""), ("jobid = '1; DROP TABLE epmt_job'", ""),
    ("user = 'x\0y'", ""), ("user != '\udcff'", "123"),
)  # fmt: skip
PROCESS_CONDITIONS = (
    ("exename = 'cp'", (11,)), ("exename like 'cp_a'", (12,)), ("exename like 'cp\\_a'", (12,)),
    ("exename like 'cp%'", (11, 12)), ("exename = 'CP'", ()), ("exename = '\u00fc'", (13,)),
    ("args = 'it''s 5%'", (11,)), ('args like "it\'s 5\\%"', (11,)), ("args = ''", (13,)),
    ("path = '/bin/bash'", (10,)), ("pid > 11 and ppid = 10", (12,)), ("exitcode != 0", (11,)),
    ("tags.op = 'cp'", (11, 12)), ("tags.op is null", (10,)), ("tags['odd key'] = 2", (12,)),
    ("tags.n not in (1)", (13,)), ("tags.n = 5 or host = 'n2'", (12, 13)), ("host != 'n2'",
    (10, 11, 13)), ("parent is null", (10, 12)), ("depth > 0", (11, 13)), ("numtids = 2", (12,)),
    ("usertime = 11", (12,)), ("usertime < systemtime", (12,)),
    ("cpu_time between 33 and 33", (12,)), ("duration < 1000", (13,)), ("user = 'bob'",
    (10, 11, 12, 13)), ("job = 1 and jobid = '1' and cluster = ''", (10, 11, 12, 13)),
    ("start < '2026-03-02' and end > '2026-03-01'", (10, 11, 12, 13)),
    ("inclusive_cpu_time > cpu_time", (10, 11)), ("descendants = 2", (10,)),
    ("gen = 0 and sid = 1 and pgid = 1 and exitsignal = 0 and peak_rss = 30", (12,)),
    ("id > 0 and not exename in ('cp', 'bash')", (12, 13)),
)  # fmt: skip


@pytest.fixture(name="filled")
def site_with_jobs(site, tmp_path):
    with stored(site, tmp_path, JOBS):
        yield site


def test_conditions_on_jobs_mean_the_same_on_each_database(filled):
    for text, wanted in JOB_CONDITIONS:
        assert "".join(query.get_jobs(fltr=text, fmt="terse")) == wanted, text


def test_conditions_on_processes_mean_the_same_on_each_database(filled):
    for text, wanted in PROCESS_CONDITIONS:
        found = query.get_procs("1", fltr=text, order="pid")
        assert tuple(one["pid"] for one in found) == wanted, text


def test_a_condition_meets_the_other_arguments(filled):
    text = "tags.op = 'cp'"
    assert [one["pid"] for one in query.get_procs("1", fltr=text, order="-pid", limit=1)] == [12]
    assert [one["pid"] for one in query.get_procs(fltr=text, order="pid", offset=1)] == [12]
    assert [one["pid"] for one in query.get_procs("1", fltr=text, hosts="n1")] == [11]
    found = query.get_jobs(fltr="duration > 0", order="-start", limit=1, offset=1, fmt="terse")
    assert found == ["2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("password = 1", "password is nothing that these jobs have"),
        ("cpu_tine = 1", "is cpu_time meant?"),
        ("proc_sums = 1", "proc_sums is nothing"),
        ("env_dict = 1", "env_dict is nothing"),
        ("starttime > 0", "starttime is nothing"),
        ("Duration > 0", "Duration is nothing"),
        ("hosts = 'n1'", "hosts is nothing"),
        ("user_id = 1", "user_id is nothing"),
        ("epmt_job = 1", "epmt_job is nothing"),
    ],
)
def test_names_that_are_none_are_refused_of_jobs(sqlite_filled, text, message):
    with pytest.raises(BadArgument, match=message):
        query.get_jobs(fltr=text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("threads = 1", "threads is nothing"),
        ("num_threads = 1", "num_threads is nothing"),
        ("annotations.x = 1", "annotations are of jobs, not of processes"),
        ("analyses.x = 1", "analyses are of jobs, not of processes"),
        ("submit = 0", "submit is nothing"),
        ("tags_number = 1", "tags_number is nothing"),
        ("job_id = 1", "job_id is nothing"),
    ],
)
def test_names_that_are_none_are_refused_of_processes(sqlite_filled, text, message):
    with pytest.raises(BadArgument, match=message):
        query.get_procs("1", fltr=text)


@pytest.fixture(name="sqlite_filled")
def sqlite_site_with_jobs(sqlite_site, tmp_path):
    with stored(sqlite_site, tmp_path, JOBS):
        yield sqlite_site


HOSTILE = (
    "1=1", "1; DROP TABLE epmt_job", "jobid = '1'; DELETE FROM epmt_job", "jobid = 1 -- ",
    "jobid = (SELECT 1)", "jobid = sleep(5)", "jobid IN (SELECT jobid FROM epmt_job)",
    "jobid = '1' UNION SELECT 1", "`jobid` = 1", "jobid = %s", "jobid = ?", "jobid = :x",
    "jobid = {0}", "jobid = '\\' or 1=1 -- '", "pg_sleep(1) = 1", "exists (select 1)",
    "jobid = 'a' || 'b'", "tags['x\\'] = 1) or (1=1", "a" * 10_001, "(" * 10_000, "'" * 9_999,
    "not " * 2_500, "__import__('os').system('true')", "jobid.__class__ = 1",
)  # fmt: skip


def test_hostile_conditions_reach_no_database(filled):
    before = contents(filled)
    for text in HOSTILE:
        for function in (query.get_jobs, query.get_procs):
            try:
                found = function(fltr=text, fmt="terse")
            except BadArgument:
                found = []
            assert found == [], text
    hostile = ("jobid = '1'' OR 1=1 --'", "tags['a'') OR 1=1 --'] = 'x'", "user = '\\'")
    for text in hostile:
        assert query.get_jobs(fltr=text, fmt="terse") == [], text
    assert contents(filled) == before


def test_what_is_no_text_is_refused(sqlite_filled):
    for fltr in (5, ["a = 5"], {"a": 5}, b"a = 5", True, len):
        with pytest.raises(BadArgument, match="fltr is a text"):
            query.get_jobs(fltr=fltr)
