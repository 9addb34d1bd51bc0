"""Secrets are not in the databases that loaders fill, and a record that comes again is known."""

import json

import pytest

from epmtlite.annotations import annotate
from epmtlite.selection import select_jobs
from tests.epmtlite.made_jobs import epmt, made_job, record, write_job
from tests.usagedb.person_site import LINK_NAME, RUN_NAME, traces
from tests.xaltload.samples import LINK, RUN, changed, written
from tests.xaltload.test_load_syslog import lines_of, write_log
from xaltload.compressed import uncompressed

SECRET = "Zx9geheim"  # noqa: S105 - of a test
ENVIRONMENT = {
    "PATH": "/usr/bin", "WANDB_API_KEY": SECRET, "HTTPS_PROXY": f"http://ann:{SECRET}@proxy:3128",
    "OPTS": f"--password={SECRET} -v",
}  # fmt: skip
SCRIPT = f"#!/bin/bash\nexport DB_PASSWORD={SECRET}\n./run\n-----BEGIN PRIVATE KEY-----\n{SECRET}\n"
# A run and a link of XALT that hold secrets, by the names of their files.
RECORDS = {
    RUN_NAME.format(n=1, user="x"): changed(
        RUN, envT=ENVIRONMENT, cmdlineA=["./p", "--token", SECRET, f"--password={SECRET}"]
    ),
    LINK_NAME.format(n=1, user="x"): changed(LINK, link_line=["gcc", f"-DTOKEN={SECRET}", "a.c"]),
}


@pytest.fixture
def records(tmp_path):
    """A directory with records of XALT that hold secrets."""
    directory = tmp_path / "records"
    directory.mkdir()
    for name, one in RECORDS.items():
        (directory / name).write_bytes(written(one))
    return directory


@pytest.fixture
def job(tmp_path):
    """The directory of a job of EPMT that holds secrets."""
    made = made_job(
        [
            record(args=f"--password {SECRET}"),
            record(pid=11, ppid=10, tags=f"op:cp;token:{SECRET}"),
        ],
        job_pl_env=ENVIRONMENT, job_el_env={**ENVIRONMENT, "NEW_TOKEN": SECRET},
        job_pl_script=SCRIPT, annotations={"note": f"password={SECRET}"},
    )  # fmt: skip
    return write_job(made, tmp_path / "job")


def test_runs_and_links_are_stored_without_secrets(site, records):
    site.create("xalt")
    assert_masked(site, "xalt_file_to_db", "-v", records)


def test_what_comes_through_syslog_is_stored_without_secrets(site, tmp_path):
    site.create("xalt")
    log = write_log(tmp_path / "xalt.log-20260102", lines_of(RECORDS.items(), size=100))
    leftover = ("--leftover", tmp_path / "leftover")
    assert_masked(site, "xalt_syslog_to_db", "-v", "--syslog", log, *leftover)


def assert_masked(site, *words):
    """Load the two records; make sure that no secret is in the database, and the rest is."""
    done = site.run(*words)
    assert done.returncode == 0 and "1 links, 1 runs" in done.stderr
    assert SECRET not in done.stderr and traces(site, SECRET) == {}
    lines = site.rows("SELECT cmdline FROM xalt_run") + site.rows("SELECT link_line FROM xalt_link")
    assert [uncompressed(row[0]) for row in lines] == [
        '["./p", "--token", "***", "--password=***"]', "gcc -DTOKEN=*** a.c",
    ]  # fmt: skip
    values = {bytes(row[0]).decode() for row in site.rows("SELECT env_value FROM join_run_env")}
    assert values == {"/usr/bin", "***", "http://ann:***@proxy:3128", "--password=*** -v"}
    again = site.run(*words)
    assert "0 links, 0 runs" in again.stderr and "2 duplicates" in again.stderr


def test_jobs_are_stored_without_secrets(site, job):
    site.create("epmt")
    epmt(site, "submit", job)
    assert traces(site, SECRET) == {}
    (row,) = site.rows("SELECT env_dict, info_dict, annotations FROM epmt_job")
    assert json.loads(row[0]) == {
        "PATH": "/usr/bin", "WANDB_API_KEY": "***", "HTTPS_PROXY": "http://ann:***@proxy:3128",
        "OPTS": "--password=*** -v",
    }  # fmt: skip
    assert json.loads(row[1])["status"]["script"] == (
        "#!/bin/bash\nexport DB_PASSWORD=***\n./run\n***"
    )
    assert json.loads(row[2])["note"] == "password=***"
    assert ("--password ***",) in site.rows("SELECT args FROM epmt_process")
    assert "already" in epmt(site, "submit", job).stdout
    assert site.rows("SELECT COUNT(*) FROM epmt_process") == [(2,)]


def test_notes_about_a_job_are_stored_without_secrets(site, job):
    site.create("epmt")
    epmt(site, "submit", job)
    database = site.connect()
    annotate(database, select_jobs(database)[0], {"my_token": SECRET, "text": f"password={SECRET}"})
    database.close()
    assert traces(site, SECRET) == {}


def test_a_site_that_insists_keeps_them(site, records, job):
    site.create("xalt", "epmt")
    text = site.conf_path.read_text()
    site.conf_path.write_text(text + "\n[SITE]\nKEEP_SECRETS = yes\n")
    assert site.run("xalt_file_to_db", "-q", records).returncode == 0
    epmt(site, "submit", job)
    found = traces(site, SECRET)
    assert {table for table, _column in found} >= {
        "xalt_run",
        "xalt_link",
        "join_run_env",
        "epmt_job",
    }
