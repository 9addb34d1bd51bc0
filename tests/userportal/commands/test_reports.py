"""userportal job, user, account and top: the same numbers as the database and the history have."""

import contextlib
import csv
import datetime
import errno
import io
import json
import os
import shutil
import sqlite3

import pytest

from tests.services import free_port
from tests.userportal.pages.tiny_portal import write_conf_of_nowhere
from userportal.commands import sent_scripts
from userportal.configuration import read_configuration
from userportal.slurm import arrays


@pytest.fixture
def slurm(made_demo):
    """The demo's tables of Slurm."""
    with contextlib.closing(sqlite3.connect(made_demo.directory / "slurm.db")) as connection:
        yield connection


def finished_job(slurm, condition="1"):
    """Return (id, cores, seconds) of a job that ran for hours and completed."""
    sql = (
        "SELECT id_job, cpus_req, time_end - time_start FROM demo_job_table WHERE state = 3"
        f" AND time_end - time_start > 7200 AND {condition} ORDER BY time_end DESC LIMIT 1"
    )
    return slurm.execute(sql).fetchone()


def test_a_job_is_reported_as_text(userportal, slurm):
    job_id, cores, seconds = finished_job(slurm)
    done = userportal("job", job_id)
    assert done.stderr == ""
    assert f"Job ID: {job_id}\n" in done.stdout
    assert f"CPU Cores: {cores}\n" in done.stdout
    hours, rest = divmod(seconds, 3600)
    assert f"Run Time: {hours:02}:{rest // 60:02}:{rest % 60:02}\n" in done.stdout
    assert "CPU utilization  [" in done.stdout and "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80 or "#SBATCH" in done.stdout


def test_colour_is_for_terminals_or_on_demand(userportal, slurm):
    # Colour marks what is wrong: any job out of time has a warning.
    (job_id,) = slurm.execute(
        "SELECT id_job FROM demo_job_table WHERE state = 6 ORDER BY time_end DESC LIMIT 1"
    ).fetchone()
    for choice, coloured in (("always", True), ("auto", False), ("never", False)):
        assert ("\x1b[" in userportal("job", job_id, "--color", choice).stdout) is coloured


def test_a_job_is_reported_as_json(userportal, slurm):
    job_id, cores, seconds = finished_job(slurm)
    (record,) = json.loads(userportal("job", job_id, "--format", "json").stdout)
    assert (record["job_id"], record["cores"]) == (job_id, cores)
    assert record["elapsed_seconds"] == seconds
    assert 0 < record["cpu_efficiency"] <= 1 and 0 < record["memory_efficiency"] <= 1
    (short,) = json.loads(userportal("job", job_id, "--format", "statistics").stdout)
    assert short["total_time"] == seconds and sum(
        node["cpus"] for node in short["nodes"].values()
    ) == cores  # fmt: skip


def test_several_jobs_and_tasks_of_arrays_are_reported(userportal, slurm):
    job_id, _cores, _seconds = finished_job(slurm)
    array, task, raw = slurm.execute(
        "SELECT id_array_job, id_array_task, id_job FROM demo_job_table"
        " WHERE id_array_job > 0 AND id_array_task < 1000 ORDER BY id_job LIMIT 1"
    ).fetchone()
    done = userportal("job", f"{array}_{task}", job_id, "--format", "json")
    assert [record["job_id"] for record in json.loads(done.stdout)] == [raw, job_id]


def test_tasks_are_reported_as_squeue_writes_them(userportal, slurm):
    array, first, last = slurm.execute(
        "SELECT id_array_job, min(id_array_task), max(id_array_task) FROM demo_job_table"
        " WHERE id_array_job > 0 AND id_array_task < 1000 GROUP BY id_array_job"
        " HAVING count(DISTINCT id_array_task) BETWEEN 2 AND 30 ORDER BY id_array_job LIMIT 1"
    ).fetchone()
    wanted = slurm.execute(
        "SELECT DISTINCT id_array_task FROM demo_job_table WHERE id_array_job = ?"
        " AND id_array_task BETWEEN ? AND ? ORDER BY id_array_task", (array, first, last),
    ).fetchall()  # fmt: skip
    done = userportal("job", f"{array}_[{first}-{last}%2]", "--format", "json")
    records = json.loads(done.stdout)
    assert [(one["array_job_id"], one["array_task_id"]) for one in records] == [
        (array, task) for (task,) in wanted
    ]


def test_a_task_that_waits_is_reported_by_the_row_of_its_array(userportal, slurm):
    array, tasks = slurm.execute(
        "SELECT id_job, array_task_str FROM demo_job_table WHERE array_task_pending > 0 LIMIT 1"
    ).fetchone()
    waiting = arrays.pending_tasks(tasks)
    done = userportal("job", f"{array}_[{waiting[0]},{waiting[-1]}]", "--format", "json")
    assert [(one["job_id"], one["state"]) for one in json.loads(done.stdout)] == [
        (array, "PENDING")
    ]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["job", "1"], 66, "Error: slurmdbd has no job 1\n"),
        (["job", "one"], 2, "is no job number"),
        (["job", "1-9999999"], 2, "more than 1000 jobs"),
        (["job", "1_[2-3%1]"], 66, "Error: slurmdbd has no job 1_[2-3%1]\n"),
        (["job", "1_[3-2]"], 2, "Error: '3-2' is no task of an array and no range such as 3-5\n"),
        (["job", "1_[0-99999999]"], 2, "more than 1000 tasks of an array"),
        (["job"], 2, "Missing argument"),
        (["user", "nobody-at-all"], 66, "Error: no user nobody-at-all is known\n"),
        (["user", "a;b"], 66, "no user"),
        (["account", "nothing"], 66, "Error: slurmdbd has no account nothing\n"),
        (["user", "mcedar", "--since", "someday"], 2, "someday"),
        (["user", "mcedar", "--state", "sleepy"], 2, "sleepy"),
        (["top", "cores", "--since", "2026-01-01"], 2, "--since and --until go with usage"),
        (["top", "disks"], 2, "Invalid value"),
        (["nothing"], 2, "no command is called nothing"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(userportal, words, status, told):
    done = userportal(*words, status=status)
    assert told in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_a_user_s_jobs_are_listed(userportal, made_demo, slurm):
    name = made_demo.logins[0].username
    done = userportal("user", name, "--format", "csv", "--limit", "1000", "--since", "2020-01-01")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    uid = next(
        line.split(":")[2]
        for line in (made_demo.directory / "passwd").read_text().splitlines()
        if line.startswith(f"{name}:")
    )
    ((many,),) = slurm.execute(
        "SELECT COUNT(*) FROM demo_job_table WHERE id_user = ?", (uid,)
    ).fetchall()
    assert len(rows) == many > 10 and {row["user"] for row in rows} == {name}
    failed = userportal("user", name, "--state", "failed", "--format", "json", "--since=2020-01-01")
    assert {row["state"] for row in json.loads(failed.stdout)} <= {"FAILED"}


def test_more_jobs_than_asked_for_are_told(userportal, made_demo):
    done = userportal("user", made_demo.logins[0].username, "--limit", "1", "--since", "2020-01-01")
    assert done.stderr.endswith(" more: raise --limit\n")
    quiet = userportal(
        "user", made_demo.logins[0].username, "--limit", "1", "--since", "2020-01-01", "-q"
    )
    assert quiet.stderr == ""


def test_an_account_s_users_and_jobs_are_listed(userportal, slurm):
    account = slurm.execute(
        "SELECT account FROM demo_job_table GROUP BY account ORDER BY COUNT(*) DESC LIMIT 1"
    ).fetchone()[0]
    users = json.loads(userportal("account", account, "--format", "json").stdout)
    assert users and users == sorted(users, key=lambda row: -row["core_hours"])
    jobs = json.loads(
        userportal("account", account, "--jobs", "--since", "2020-01-01", "--format", "json").stdout
    )
    assert {row["account"] for row in jobs} == {account}
    assert {row["user"] for row in users} <= {row["user"] for row in jobs}


def test_users_of_an_account_that_are_left_out_are_told(userportal, slurm):
    account = slurm.execute(
        "SELECT account FROM demo_job_table GROUP BY account"
        " ORDER BY COUNT(DISTINCT id_user) DESC LIMIT 1"
    ).fetchone()[0]
    words = ("account", account, "--since", "2020-01-01", "--format", "json")
    done = userportal(*words)
    users = [row["user"] for row in json.loads(done.stdout)]
    assert len(users) > 1 and done.stderr == ""
    done = userportal(*words, "--limit", 1)
    assert [row["user"] for row in json.loads(done.stdout)] == users[:1]
    assert done.stderr == f"{len(users) - 1} more: raise --limit\n"
    assert userportal(*words, "--limit", 1, "-q").stderr == ""
    assert userportal(*words, "--limit", len(users)).stderr == ""


def test_the_largest_users_are_listed(userportal):
    rows = json.loads(userportal("top", "--limit", "3", "--format", "json").stdout)
    assert len(rows) == 3 and rows == sorted(rows, key=lambda row: -row["core_hours"])


@pytest.mark.parametrize("kind", ["cores", "gpus", "memory"])
def test_what_is_in_use_and_wasted_now_is_listed(userportal, kind):
    rows = json.loads(userportal("top", kind, "--format", "json").stdout)
    assert rows and all(row["cores_flag"] in ("critical", "warning", "") for row in rows)


def test_without_a_configuration_reports_say_what_to_do(userportal, tmp_path):
    (tmp_path / "empty.conf").write_text("[portal]\ncluster = none\n")
    done = userportal("job", "1", status=78, conf=tmp_path / "empty.conf")
    assert "[slurm] conf_file names no database" in done.stderr


def test_without_metrics_a_report_says_what_is_not_known(userportal, made_demo, slurm):
    text = made_demo.configuration.read_text().replace("history = metrics.db", "")
    conf = made_demo.directory / "without-metrics.conf"
    conf.write_text(text)
    try:
        job_id, _cores, _seconds = finished_job(slurm)
        assert f"Job ID: {job_id}\n" in userportal("job", job_id, conf=conf).stdout
        assert "is not known" in userportal("top", "cores", status=78, conf=conf).stderr
    finally:
        conf.unlink()


@pytest.fixture
def without_scripts(made_demo, tmp_path):
    """The configuration of a demo of the test's own, in which Slurm has no scripts; a job of it."""
    made = tmp_path / "made"
    beside = shutil.ignore_patterns("*-wal", "*-shm", "*-journal")  # come and go as it is read
    shutil.copytree(made_demo.directory, made, ignore=beside)
    conf = made / made_demo.configuration.name
    conf.write_text(conf.read_text().replace(str(made_demo.directory), str(made)))
    with sqlite3.connect(made / "slurm.db") as slurm:
        job_id, _cores, _seconds = finished_job(slurm)
        slurm.execute("DELETE FROM demo_job_script_table")
    return conf, job_id


def test_a_script_that_was_sent_to_the_portal_is_shown(userportal, without_scripts):
    """Of a job whose script Slurm has not; to who may read the portal's own files."""
    conf, job_id = without_scripts
    made = conf.parent
    with contextlib.closing(sqlite3.connect(made / "portal.db")) as own, own:
        own.execute("DELETE FROM records_jobscript")
        own.execute(
            "INSERT INTO records_jobscript (id_job, submit_script, last_modified)"
            " VALUES (?, '#!/bin/bash\n./sent_model\n', ?)",
            (job_id, str(datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None))),
        )
    assert "./sent_model" in userportal("job", job_id, "--script", conf=conf).stdout
    (made / "portal.key").rename(made / "portal.kept")
    done = userportal("job", job_id, "--script", conf=conf)
    assert "sent_model" not in done.stdout and f"Job ID: {job_id}\n" in done.stdout
    assert not (made / "portal.key").exists()


def test_times_are_those_of_this_machine_though_django_was_needed(
    userportal, without_scripts, monkeypatch
):
    conf, job_id = without_scripts
    monkeypatch.setenv("TZ", "America/Toronto")
    with_key = userportal("job", job_id, conf=conf).stdout
    monkeypatch.setenv("TZ", "UTC")
    assert userportal("job", job_id, conf=conf).stdout != with_key
    (conf.parent / "portal.key").unlink()
    monkeypatch.setenv("TZ", "America/Toronto")
    assert userportal("job", job_id, conf=conf).stdout == with_key


def test_a_job_of_who_had_a_user_s_number_before_is_told_by_the_name_in_slurm(
    userportal, without_scripts
):
    conf, job_id = without_scripts
    with sqlite3.connect(conf.parent / "slurm.db") as slurm:
        sql = "SELECT account, id_assoc FROM demo_job_table WHERE id_job = ?"
        account, association = slurm.execute(sql, (job_id,)).fetchone()
        sql = "SELECT user FROM demo_assoc_table WHERE id_assoc = ?"
        ((holder,),) = slurm.execute(sql, (association,)).fetchall()
        slurm.execute(
            "INSERT INTO demo_assoc_table (creation_time, lft, rgt, id_assoc, user, acct)"
            " VALUES (0, 0, 0, 99999, 'former', ?)", (account,),
        )  # fmt: skip
        slurm.execute("UPDATE demo_job_table SET id_assoc = 99999 WHERE id_job = ?", (job_id,))

    def users(*words):
        records = json.loads(userportal(*words, "--format", "json", conf=conf).stdout)
        return [one["user"] for one in records if one["job_id"] in (job_id, str(job_id))]

    listed = "--limit", 1000, "--since", "2020-01-01"
    assert users("job", job_id) == users("account", account, "--jobs", *listed) == ["former"]
    assert users("user", holder, *listed) == []
    assert users("user", "former", *listed) == ["former"]
    everything = json.loads(
        userportal("user", "former", *listed, "--format", "json", conf=conf).stdout
    )
    assert {one["user"] for one in everything} == {"former"}
    by_user = json.loads(
        userportal("account", account, *listed, "--format", "json", conf=conf).stdout
    )
    assert {"former", holder} <= {one["user"] for one in by_user}


def test_a_database_where_this_account_may_not_even_look_is_not_asked(tmp_path, monkeypatch):
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\ncluster = vela\nstate = {tmp_path}\n")
    (tmp_path / "portal.key").write_text("key")
    (tmp_path / "portal.db").write_text("")
    configuration = read_configuration(conf)
    assert sent_scripts.is_readable(configuration)
    look = os.stat

    def refused(path, *words, **options):
        if str(path).endswith("portal.db"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, *words, **options)

    monkeypatch.setattr(os, "stat", refused)
    assert not sent_scripts.is_readable(configuration)


def test_a_portal_s_own_database_that_is_not_there_is_not_made(userportal, without_scripts):
    conf, job_id = without_scripts
    (conf.parent / "portal.db").unlink()
    done = userportal("job", job_id, "--script", conf=conf)
    assert f"Job ID: {job_id}\n" in done.stdout and done.stderr == ""
    assert not (conf.parent / "portal.db").exists()


@pytest.mark.parametrize(("option", "lines"), [("-q", 0), ("-v", 2)])
def test_what_is_logged_is_what_was_asked_for_though_django_was_needed(
    userportal, without_scripts, option, lines
):
    """Django is set up for the script of the first job, before the metrics are asked for."""
    conf, job_id = without_scripts
    url = f"url = http://127.0.0.1:{free_port()}"
    conf.write_text(conf.read_text().replace("history = metrics.db", url))
    done = userportal("job", job_id, job_id, option, "--format", "json", conf=conf)
    assert done.stderr.count(f"metrics of job {job_id}: ") == lines
    assert lines or done.stderr == ""


def test_a_portal_s_own_database_that_is_away_is_asked_and_told_once(userportal, without_scripts):
    conf, job_id = without_scripts
    write_conf_of_nowhere(conf.parent / "away.conf")
    conf.write_text(conf.read_text() + "[database]\nconf_file = away.conf\n")
    done = userportal("job", *[job_id] * 3, "--format", "json", conf=conf)
    assert [record["job_id"] for record in json.loads(done.stdout)] == [job_id] * 3
    assert done.stderr.startswith("Warning: scripts that were sent to the portal are not shown: ")
    assert done.stderr.count("\n") == 1
