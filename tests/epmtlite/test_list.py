"""epmt list, dump and annotate: what is stored is shown, and conditions mean what they say."""

import ast
import csv
import datetime
import io
import json
import os
import zoneinfo

import pytest

from tests.conftest import run_command
from tests.epmtlite.made_jobs import (
    BEGIN,
    BEGIN_MICROSECONDS,
    contents,
    epmt,
    made_job,
    record,
    write_job,
)

DAY = datetime.timedelta(days=1)


def shifted(jobid, days, tags, hosts=("n1",), records=None, **changes):
    """Return a MadeJob that began some days later, with some tags."""
    start = BEGIN + days * DAY
    microseconds = days * 86_400_000_000
    records = records or [record(hostname=host, pid=10 + n) for n, host in enumerate(hosts)]
    moved = [
        one._replace(start=one.start + microseconds, end=one.end + microseconds) for one in records
    ]
    values = {
        "job_pl_submit_ts": start, "job_pl_start_ts": start,
        "job_el_stop_ts": start + datetime.timedelta(hours=1),
        "job_el_env": {"EPMT_JOB_TAGS": tags}, **changes,
    }  # fmt: skip
    return made_job(moved, jobid=jobid, **values)


PROCESSES = [
    record(pid=10, start=0, lasts=9000, tags=""),
    record(pid=11, ppid=10, start=100, lasts=1000, tags="op:cp;n:1", exename="cp", args="it's"),
    record(pid=12, ppid=10, start=600, lasts=1000, tags="op:cp;n:2",
           threads=[(1, 2, 3, 4, 5, 6), (10, 20, 30, 40, 50, 60)]),
    record(pid=13, ppid=10, start=5000, lasts=500, tags="op:mv;n:1"),
]  # fmt: skip
JOBS = (
    shifted("3", 2, "exp_name:ocean;part:1", records=PROCESSES),
    shifted("1", 0, "exp_name:ocean", hosts=("n1", "n2")),
    shifted("2", 1, "exp_name:ice", annotations={"checked_by": "ann", "grade": 5}),
)


@pytest.fixture
def filled(site, tmp_path):
    """A Site with JOBS."""
    site.create()
    epmt(site, "submit", *(write_job(job, tmp_path / job.metadata["job_pl_id"]) for job in JOBS))
    return site


def shown(site, *words, status=0):
    """Return the value that epmt list prints as Python writes it."""
    text = epmt(site, "list", *words, status=status).stdout
    names = {"datetime": datetime, "zoneinfo": zoneinfo}
    return eval(text, {"__builtins__": {}}, names)


JOB_WORDS = (
    ([], ["1", "2", "3"]),
    (["jobs", "order=-start"], ["3", "2", "1"]),
    (["jobs", "limit=2", "offset=1"], ["2", "3"]),
    (["3", "1"], ["1", "3"]),
    (["jobs", "jobs=2,3"], ["2", "3"]),
    (["3", "1", "tags=part:1"], ["3"]),
    (["jobs", "tags=exp_name:ocean"], ["1", "3"]),
    (["jobs", "tags=exp_name:ocean", "limit=1", "offset=1"], ["3"]),
    (["jobs", "tags=exp_name:ocean", "exact_tag_only=true"], ["1"]),
    (["jobs", "tags="], []),
    (["jobs", "tags=exp_name:ocean;"], ["1", "3"]),
    (["jobs", "annotations=grade:5"], ["2"]),
    (["jobs", "hosts=n2"], ["1"]),
    (["jobs", "hosts=n2,n1"], ["1", "2", "3"]),
    (["jobs", "before=2026-03-02 12:00"], ["1", "2"]),
    (["jobs", "after=03/02/2026 00:00"], ["2", "3"]),
    (["jobs", f"when={BEGIN_MICROSECONDS // 10**6 + 60}"], ["1"]),
    (["jobs", "cluster=none"], []),
    (["jobs", "order=-num_procs"], ["3", "1", "2"]),
    (["unprocessed_jobs"], []),
    (["unanalyzed_jobs"], ["1", "2", "3"]),
)


def test_jobs_are_listed_by_conditions(filled):
    for words, wanted in JOB_WORDS:
        assert shown(filled, *words) == wanted, words


@pytest.mark.parametrize(
    "words",
    [
        ["jobs", "order=password"],
        ["jobs", "order=start; drop table epmt_job"],
        ["jobs", "limit=-1"],
        ["jobs", "limit=many"],
        ["jobs", "before=yesterday"],
        ["jobs", "fltr=1=1"],
        ["jobs", "tags=;:"],
        ["tags=broken;;"],
        ["jobs", "tags=a:b;;c:d"],
        ["jobs", "tags=;a:b"],
        ["jobs", "tags=exp_name:ocean;part:1:2"],
        ["jobs", "annotations=a:b:c"],
        ["procs", "tags=op:cp;:2"],
        ["op_metrics", "tags=op;;"],
        ["job_proc_tags", "tag_filter=op:mv;;"],
        ["refmodels", "tag=;;"],
        ["jobs", "fmt=orm"],
        ["procs", "order=args"],
        ["thread_metrics", "one"],
        ["op_metrics", "op_duration_method=none"],
        ["job_proc_tags", "limit=1"],
        ["thread_metrics", "1" * 19],
        ["jobs", "after=-99999999999"],
        ["jobs", "fltr=duration >"],
        ["procs", "fltr=1=1; drop table epmt_job"],
        ["refmodels", "order=computed"],
        ["refmodels", "fltr=computed = 1"],
    ],
)
def test_conditions_that_cannot_be_are_told(sqlite_site, words):
    done = epmt(sqlite_site.create(), "list", *words, status=2)
    assert done.stdout == "" and done.stderr.splitlines()[-1].startswith("Error: ")


def test_a_tag_that_is_none_is_told_in_one_line(sqlite_site):
    for text, wrong in (
        ("broken;;", "a tag is missing beside a ;"), ("a:b;x:y:z", "x:y:z is no tag"),
        (";", "a tag is missing beside a ;"), ("a:b; :c", ":c is no tag"),
    ):  # fmt: skip
        done = epmt(sqlite_site.create(), "list", f"tags={text}", status=2)
        assert done.stderr == f"Error: tags {text}: {wrong}: write key:value;key:value\n"


def test_a_question_makes_no_directory(tmp_path):
    path = tmp_path / "typo" / "epmt.db"
    done = run_command("epmt", "list", env={**os.environ, "EPMT_DB_URL": f"sqlite:///{path}"})
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == f"Error: {path}: there is no directory {path.parent}\n"
    assert not path.parent.exists()


def test_nothing_found_is_told_by_the_status_where_epmt_does(sqlite_site):
    sqlite_site.create()
    for words, status in (
        (["jobs"], 0), (["procs"], 1), (["thread_metrics"], 1), (["thread_metrics", "1" * 18], 1),
        (["op_metrics"], 1), (["job_proc_tags"], 1), (["unprocessed_jobs"], 0),
        (["unanalyzed_jobs"], 0),
    ):  # fmt: skip
        assert shown(sqlite_site, *words, status=status) == [], words


def test_nothing_found_of_a_job_that_is_there_is_told_by_the_status(filled):
    database = filled.connect()
    database.execute("UPDATE epmt_job SET analyses = ? WHERE jobid = '1'", ('{"a": 1}',))
    database.close()
    for words, status in (
        (["jobs", "1", "tags=a:b"], 0), (["procs", "1", "tags=a:b"], 1),
        (["op_metrics", "1", "tags=none"], 1), (["job_proc_tags", "1"], 1),
        (["unprocessed_jobs", "1"], 1), (["unanalyzed_jobs", "1"], 1), (["refmodels"], 1),
    ):  # fmt: skip
        assert shown(filled, *words, status=status) == [], words


def test_a_word_that_is_no_kind_and_no_job_is_an_error(filled):
    for kind in ([], ["jobs"], ["procs"], ["op_metrics"], ["job_proc_tags"], ["unprocessed_jobs"],
                 ["unanalyzed_jobs"]):  # fmt: skip
        done = epmt(filled, "list", *kind, "3", "proc", "jobs=nojob,1", status=66)
        assert done.stdout == ""
        assert done.stderr.startswith("Error: no job proc, nojob; kinds are jobs, unprocessed_jobs")


def test_every_name_of_a_job_is_taken_by_all_commands(site, tmp_path):
    """Also of one without a cluster, where a cluster with a name has that number too."""
    site.create()
    directory = write_job(made_job(), tmp_path / "100")
    epmt(site, "submit", directory)
    epmt(site, "submit", "--cluster", "aurora", directory)
    names = shown(site)
    assert names == ["/100", "aurora/100"]
    for name in names:
        assert shown(site, name) == [name]
        assert len(shown(site, "procs", name)) == 1
        assert epmt(site, "delete", "-n", name).stdout != ""
    refused = epmt(site, "list", "100", status=2)
    assert "say one of /100, aurora/100" in refused.stderr
    epmt(site, "delete", names[0])
    assert shown(site, "jobs", "cluster=aurora") == ["100"]


def test_times_that_no_clock_shows_do_not_hide_the_rest(filled):
    """Earlier versions have stored some."""
    database = filled.connect()
    database.execute("UPDATE epmt_process SET start = ? WHERE pid = 13", (1 << 62,))
    database.execute("UPDATE epmt_job SET submit = ? WHERE jobid = '3'", (-(1 << 62),))
    database.close()
    (process,) = shown(filled, "procs", "3", "order=-start", "limit=1")
    assert (process["pid"], process["start"]) == (13, None) and process["end"] is not None
    assert json.loads(formatted(filled, "json", "procs", "3"))[-1]["start"] is None
    assert len(formatted(filled, "csv", "procs", "3").splitlines()) == 5
    (job,) = shown(filled, "jobs", "3", "fmt=dict")
    assert job["submit"] is None and job["start"] is not None


def test_the_order_is_that_of_all_jobs_together(filled):
    for words, wanted in (
        (["order=-numtids", "limit=1"], [12]), (["order=exename", "limit=2", "offset=5"], [12, 13]),
    ):  # fmt: skip
        full = [one["id"] for one in shown(filled, "procs", *words)]
        assert shown(filled, "procs", "fmt=terse", *words) == full
        assert [one["pid"] for one in shown(filled, "procs", *words)] == wanted


@pytest.mark.parametrize("form", ["csv", "json", "python"])
def test_many_processes_come_in_order_and_whole(site, tmp_path, form):
    """More than one query brings them."""
    site.create()
    records = [record(pid=10 + n, start=(n * 7919) % 1300, lasts=9000) for n in range(1300)]
    epmt(site, "submit", write_job(made_job(records), tmp_path / "100"))
    text = formatted(site, form, "procs", "100")
    found = {
        "csv": lambda: list(csv.DictReader(io.StringIO(text))),
        "json": lambda: json.loads(text),
        "python": lambda: shown(site, "procs"),
    }[form]()
    wanted = [one.pid for one in sorted(records, key=lambda one: one.start)]
    assert [int(one["pid"]) for one in found] == wanted


def formatted(site, form, *words):
    """Return what epmt list prints in a format."""
    return epmt(site, "list", "--format", form, *words).stdout


def test_all_about_a_job_is_shown(filled):
    (job,) = shown(filled, "jobs", "3", "fmt=dict")
    assert job["start"] == BEGIN + 2 * DAY and job["end"] - job["start"] == DAY / 24
    assert (job["jobid"], job["user"], job["hosts"], job["cluster"]) == ("3", "ann", ["n1"], "")
    assert (job["num_procs"], job["num_threads"], job["usertime"]) == (4, 5, 911)
    assert job["rssmax"] == 3 * 2048 + 33 and job["peak_rss"] == 2048
    assert job["all_proc_tags"] == [
        {"n": "1", "op": "cp"}, {"n": "1", "op": "mv"}, {"n": "2", "op": "cp"},
    ]  # fmt: skip
    assert "num_threads" not in job["info_dict"] and job["info_dict"]["post_processed"] == 1
    assert job["env_dict"]["SLURM_JOB_NAME"] == "run" and job["tags"]["part"] == "1"
    (job,) = shown(filled, "jobs", "3", "fmt=dict", "merge_proc_sums=false")
    assert job["proc_sums"]["usertime"] == 911 and "usertime" not in job


PROCESS_WORDS = (
    ([], [10, 11, 12, 13]),
    (["order=-pid"], [13, 12, 11, 10]),
    (["order=-pid", "limit=1", "offset=1"], [12]),
    (["tags=op:cp"], [11, 12]),
    (["tags=op:cp;n:2"], [12]),
    (["tags="], [10]),
    (["tags=op:none"], []),
    (["hosts=n1", "limit=1"], [10]),
    (["hosts=n2"], []),
)


def test_processes_are_listed_by_conditions(filled):
    for words, wanted in PROCESS_WORDS:
        found = shown(filled, "procs", "3", *words, status=0 if wanted else 1)
        assert [process["pid"] for process in found] == wanted, words
    assert [one["pid"] for one in shown(filled, "procs", "1", "3", "order=-start", "limit=3")] == [
        13, 12, 11,
    ]  # fmt: skip


def test_all_about_a_process_is_shown(filled):
    found = shown(filled, "processes", "3")
    one, two = found[0], found[2]
    assert (two["parent"], two["depth"], two["host"], two["user"]) == (one["id"], 1, "n1", "ann")
    assert (one["descendants"], one["inclusive_cpu_time"]) == (3, 1233)
    assert (two["numtids"], two["usertime"], two["systemtime"], two["rssmax"]) == (2, 11, 22, 33)
    assert (two["peak_rss"], two["rdtsc_duration"], two["cpu_time"]) == (30, 66, 33)
    assert two["start"] == BEGIN + 2 * DAY + datetime.timedelta(microseconds=600)
    assert "starttime" not in two and two["tags"] == {"op": "cp", "n": "2"}
    assert found[1]["args"] == "it's"
    (same,) = shown(filled, "procs", "3", "tags=n:2", "merge_threads_sums=false")
    assert same["threads_sums"]["usertime"] == 11 and "usertime" not in same


def test_metrics_of_threads_are_listed_by_the_ids_of_processes(filled):
    ids = shown(filled, "procs", "3", "fmt=terse", "tags=n:2")
    threads = shown(filled, "thread_metrics", str(ids[0]))
    assert [one["usertime"] for one in threads] == [1, 10]
    assert threads[0] == {
        "process_pk": ids[0], "usertime": 1, "systemtime": 2, "rssmax": 3, "num_threads": 4,
        "starttime": 5, "rdtsc_duration": 6,
    }  # fmt: skip


def test_operations_add_up_what_shares_a_tag(filled):
    cp, mv = shown(filled, "op_metrics", "3", "tags=op")
    assert (cp["tags"], cp["num_procs"], cp["numtids"]) == ({"op": "cp"}, 2, 3)
    assert (cp["cpu_time"], cp["usertime"], cp["duration"]) == (433, 311, 2000)
    assert (mv["tags"], mv["num_procs"], mv["jobid"]) == ({"op": "mv"}, 1, "3")
    assert [one["tags"] for one in shown(filled, "op_metrics", "3")] == [
        {"n": "1", "op": "cp"}, {"n": "1", "op": "mv"}, {"n": "2", "op": "cp"},
    ]  # fmt: skip
    for method, duration in (("sum-minus-overlap", 1500), ("finish-minus-start", 1500)):
        words = ("op_metrics", "3", "tags=op:cp", f"op_duration_method={method}")
        assert [one["duration"] for one in shown(filled, *words)] == [duration]
    one, two, other = shown(filled, "op_metrics", "1", "3", "tags=op:cp;n:1,op:cp;n:2,op:mv",
                            "group_by_tag=1")  # fmt: skip
    assert (one["num_procs"], two["cpu_time"], other["tags"]) == (1, 33, {"op": "mv"})
    assert "jobid" not in one
    assert shown(filled, "op_metrics", "3", "tags=op:cp", "exact_tags_only=true", status=1) == []


def test_tags_of_processes_are_listed_once(filled):
    assert shown(filled, "job_proc_tags", "3") == [
        {"n": "1", "op": "cp"}, {"n": "1", "op": "mv"}, {"n": "2", "op": "cp"},
    ]  # fmt: skip
    assert shown(filled, "job_proc_tags", "3", "exclude=n") == [{"op": "cp"}, {"op": "mv"}]
    assert shown(filled, "job_proc_tags", "3", "tag_filter=op:mv") == [{"n": "1", "op": "mv"}]
    assert shown(filled, "job_proc_tags", "3", "fold=true") == [
        {"n": ["1", "2"], "op": ["cp", "mv"]}
    ]


def test_machine_formats_carry_plain_values(filled):
    assert json.loads(formatted(filled, "json")) == [{"jobid": "1"}, {"jobid": "2"}, {"jobid": "3"}]
    (job,) = json.loads(formatted(filled, "json", "jobs", "3", "fmt=dict"))
    assert job["start"] == "2026-03-03T08:00:00.250000+00:00" and job["tags"]["part"] == "1"
    rows = list(csv.DictReader(io.StringIO(formatted(filled, "csv", "procs", "3"))))
    assert [row["pid"] for row in rows] == ["10", "11", "12", "13"]
    assert rows[1]["tags"] == '{"n": "1", "op": "cp"}'
    assert formatted(filled, "markdown", "procs", "3").splitlines()[1].startswith("|---")
    assert formatted(filled, "table").splitlines()[0] == "jobid"
    assert json.loads(formatted(filled, "json", "jobs", "3", "tags=a:b")) == []
    assert formatted(filled, "json", "job_proc_tags", "3").count('"op"') == 3


def test_controls_never_reach_the_terminal(sqlite_site, tmp_path):
    records = [record(args="\x1b[31mred\u202e", tags="op:\x1b[2J")]
    job = made_job(records, jobid="1", job_pl_username="ann\x1b[0m")
    epmt(sqlite_site, "submit", write_job(job, tmp_path / "1"))
    for form in ("python", "table", "csv", "json", "markdown"):
        for words in (["procs"], ["jobs", "fmt=dict"], ["job_proc_tags"]):
            text = epmt(sqlite_site, "list", "--format", form, *words).stdout
            assert "\x1b" not in text and "\u202e" not in text
    assert "\x1b" not in epmt_dump(sqlite_site, "1")


def epmt_dump(site, *words, status=0):
    """Return what epmt dump prints about a job in the database of a Site."""
    from tests.conftest import run_command

    done = run_command("epmt", "dump", *words, env=environment_of(site))
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def environment_of(site):
    """Return the environment in which commands use the database of a Site."""
    import os

    return {**os.environ, "HPCUSAGE_CONF": str(site.conf_path)}


def test_a_stored_job_is_dumped(filled):
    lines = epmt_dump(filled, "3").splitlines()
    assert "jobid".ljust(26) + "3" in lines and "usertime".ljust(26) + "911" in lines
    assert lines == sorted(lines)
    assert epmt_dump(filled, "-k", "num_procs", "3") == "4\n"
    assert "there are all_proc_tags" in epmt_dump(filled, "-k", "none", "3", status=66)
    assert "no job 9" in epmt_dump(filled, "9", status=66)


def test_a_stored_job_is_annotated(filled):
    from tests.conftest import run_command

    def annotate(*words, status=0):
        done = run_command("epmt", "annotate", *words, env=environment_of(filled))
        assert done.returncode == status, done.stderr

    annotate("2", "grade=6", "text=it's")
    values = contents(filled)[0]["", "2"]["values"]
    assert values[15] == {"checked_by": "ann", "grade": 6, "text": "it's",
                          "EPMT_JOB_TAGS": "exp_name:ice"}  # fmt: skip
    annotate("--replace", "2", "EPMT_JOB_TAGS=exp_name:sea;x:1")
    values = contents(filled)[0]["", "2"]["values"]
    assert values[15] == {"EPMT_JOB_TAGS": "exp_name:sea;x:1"}
    assert values[14] == {"exp_name": "sea", "x": "1"}
    annotate("9", "a=b", status=66)


def test_python_lists_can_be_read_by_python(filled):
    assert ast.literal_eval(epmt(filled, "list").stdout) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "jobs", ""], "a word that should name jobs is empty"),
        (["list", "jobs", "jobs="], "a word that should name jobs is empty"),
        (["export", "procs", ""], "a word that should name jobs is empty"),
        (["list", "jobs", "tags=a:1", "tags=b:2"], "tags= is there twice"),
        (["list", "--cluster", "A", "jobs", "B/1"], "B/1 is no job of the cluster A"),
        (["list", "procs", "cluster=A", "B/1"], "B/1 is no job of the cluster A"),
        (["export", "--cluster", "A", "B/1"], "B/1 is no job of the cluster A"),
    ],
)
def test_words_that_would_mean_other_jobs_are_refused(sqlite_site, words, message):
    sqlite_site.create()
    done = epmt(sqlite_site, *words, status=2)
    assert message in done.stderr and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
