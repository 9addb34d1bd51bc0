"""Whatever a user writes into the files of a job: it is stored, or rejected with a reason."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epmtlite import deletion, selection
from epmtlite.collect.settings import Settings
from epmtlite.submit import FAILED, STORED, Options, Submitter
from tests.epmtlite.made_jobs import epmt, made_job, random_records, record, write_job

CHANGE = st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=3), st.integers(0, 4))
FILES = ("n1-papiex.tsv", "n1-papiex-header.tsv", "job_metadata")


@pytest.fixture
def submitter(sqlite_site):
    """A Submitter to an embedded database."""
    database = sqlite_site.create("epmt").connect()
    yield Submitter(database, Settings(), Options())
    database.close()


def outcome_of(submitter, directory):
    """Submit a job, and delete it again if it was stored; return the Outcome."""
    outcome = submitter.submit(str(directory))
    assert outcome.kind in (STORED, FAILED)
    database = submitter.database
    jobs = selection.select_jobs(database)
    assert len(jobs) == (outcome.kind == STORED)
    deletion.delete_jobs(database, jobs)
    for table in ("epmt_process", "epmt_process_tags", "epmt_metric_names", "epmt_job_host"):
        assert database.rows("SELECT COUNT(*) FROM " + table) == [(0,)]
    if outcome.kind == FAILED:
        assert outcome.exit_code == 65 and outcome.message
    return outcome


@pytest.fixture
def directory(tmp_path):
    """A job's directory."""
    return write_job(made_job(random_records(8, hosts=("n1",))), tmp_path / "100")


@given(st.sampled_from(FILES), st.lists(CHANGE, min_size=1, max_size=4))
@settings(max_examples=150)
def test_damaged_files_are_stored_or_rejected(submitter, directory, name, changes):
    path = directory / name
    before = path.read_bytes()
    raw = before
    for place, inserted, removed in changes:
        at = int(place * len(raw))
        raw = raw[:at] + inserted + raw[at + removed :]
    path.write_bytes(raw)
    try:
        outcome_of(submitter, directory)
    finally:
        path.write_bytes(before)
    assert outcome_of(submitter, directory).kind == STORED


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.text(max_size=5)
    | st.just({"__datetime__": "0001-01-01T00:00:00-23:59"})
    | st.just({"__datetime__": "9999-12-31T23:59:59"}),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner,
                                                                 max_size=2),
    max_leaves=4,
)  # fmt: skip
KEYS = (
    "job_pl_id", "job_pl_submit_ts", "job_pl_start_ts", "job_pl_env", "job_el_stop_ts",
    "job_el_exitcode", "job_el_reason", "job_el_env", "job_pl_username", "job_jobname", "job_tags",
    "job_env_changes", "annotations", "checked", "job_pl_scriptname",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), VALUE, min_size=1, max_size=3))
@settings(max_examples=200)
def test_odd_metadata_are_stored_or_rejected(submitter, directory, changes):
    path = directory / "job_metadata"
    before = path.read_bytes()
    path.write_text(json.dumps({**json.loads(before), **changes}))
    try:
        outcome_of(submitter, directory)
    finally:
        path.write_bytes(before)


def test_texts_are_stored_whatever_they_are(site, tmp_path):
    site.create()
    text = "'; DROP TABLE epmt_job; -- \\ \" % ? \ud7ff\U0001f600 " + "x" * 70_000
    records = [record(args=text, exename=text[:300], path="/" + text[:5000],
                      tags="k'\";v%s:\u00e4?")]  # fmt: skip
    job = made_job(records, jobid="it's %s ?", job_pl_username="o'neil\\")
    directory = write_job(job, tmp_path / "1")
    (directory / "n1-papiex.tsv").write_bytes(
        (directory / "n1-papiex.tsv").read_bytes().replace(b"xxx\n", b"x\0\xff\n")
    )
    epmt(site, "submit", directory)
    ((args,),) = site.rows("SELECT args FROM epmt_process")
    assert args == text[:-2] + "\\x00\\xff"
    assert site.rows("SELECT jobid FROM epmt_job") == [("it's %s ?",)]
    assert "it's" in epmt(site, "list", "it's %s ?").stdout
    epmt(site, "delete", "it's %s ?")
    assert site.rows("SELECT COUNT(*) FROM epmt_process") == [(0,)]
