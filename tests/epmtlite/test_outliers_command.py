"""epmt outliers: the job that took too long is found and explained, the others are not."""

import csv
import io
import json

from epmtlite import connection
from epmtlite.query import create_refmodel, refmodel_set_enabled, using
from tests.epmtlite.made_experiment import SLOW, write_experiment
from tests.epmtlite.made_jobs import epmt, made_job, write_job

ICE = [f"ice-{number}" for number in range(5)]


def found(site, *words, status=0):
    """Return what epmt outliers prints as JSON."""
    return json.loads(epmt(site, "outliers", "--format", "json", *words, status=status).stdout)


def outliers_of(records):
    """Return the ids of the outliers."""
    return [record["jobid"] for record in records if record["outlier"]]


def test_the_slow_job_is_found_by_tag_and_by_name(esm_site):
    by_tag = found(esm_site, "--tag", "exp_component:ice")
    assert by_tag == found(esm_site, *ICE)
    assert outliers_of(by_tag) == [SLOW]
    (slow,) = [record for record in by_tag if record["jobid"] == SLOW]
    assert slow["duration"] > 0 and slow["cpu_time"] > 0 and slow["num_procs"] == 0
    assert outliers_of(found(esm_site, "--tag", "exp_component:ocean")) == []


def test_features_and_methods_are_chosen(esm_site):
    (first, *_others) = found(esm_site, *ICE, "--features", "num_procs,rssmax", "--methods", "iqr")
    assert set(first) == {"jobid", "num_procs", "rssmax", "outlier"}
    everything = found(esm_site, *ICE, "--features", "*", "--methods=modified_z_score")
    assert outliers_of(everything) == [SLOW]
    assert {"usertime", "systemtime", "peak_rss"} <= set(everything[0])
    assert everything[3]["usertime"] == 1


def test_what_an_outlier_differs_by_is_explained(esm_site):
    records = found(esm_site, *ICE, "--explain")
    assert [bool(record["causes"]) for record in records] == [name == SLOW for name in ICE]
    causes = " ".join(records[3]["causes"])
    assert "usertime" in causes and "num_procs" not in causes


def test_operations_are_judged_one_by_one(esm_site):
    records = found(esm_site, *ICE, "--ops")
    assert [record["tags"] for record in records[:1]] == [{"op": "compute"}]
    assert len(records) == 10
    slow = [(record["tags"]["op"], record["jobid"]) for record in records if record["outlier"]]
    assert slow == [("compute", SLOW)]


def test_jobs_are_measured_with_a_model(esm_site):
    database = connection.open_database(esm_site.config)
    with using(database):
        create_refmodel([name for name in ICE if name != SLOW], name="usual")
        records = found(esm_site, SLOW, "--model", "usual")
        assert outliers_of(records) == [SLOW] and len(records) == 1
        assert outliers_of(found(esm_site, "ice-0", "--model", "usual")) == []
        refmodel_set_enabled("usual", False)
    done = epmt(esm_site, "outliers", SLOW, "--model", "usual", status=2)
    assert "model usual is disabled" in done.stderr
    epmt(esm_site, "outliers", SLOW, "--model", "none", status=66)
    database.close()


def test_the_forms_show_the_same(esm_site):
    table = epmt(esm_site, "outliers", *ICE).stdout
    assert [line.split()[0] for line in table.splitlines()[2:]] == ICE
    rows = list(
        csv.DictReader(io.StringIO(epmt(esm_site, "outliers", *ICE, "--format", "csv").stdout))
    )
    assert [row["jobid"] for row in rows if row["outlier"] == "True"] == [SLOW]


def test_jobs_of_different_kinds_are_warned_about(esm_site):
    done = epmt(esm_site, "outliers", "--tag", "exp_name:esm")
    assert "the jobs differ in their tags exp_name and exp_component" in done.stderr


def test_what_cannot_be_is_told_in_one_line(sqlite_site, tmp_path):
    sqlite_site.create()
    epmt(sqlite_site, "submit", "-q", *write_experiment(tmp_path / "jobs"))
    for words, status, message in (
        ([], 2, "name jobs, or say --tag KEY:VALUE"),
        (["--tag", "exp_name:none"], 2, "no job has such tags"),
        (["none"], 66, "no job none is in the database"),
        (ICE[:3], 2, "3 jobs: without a model outliers are found among at least 4"),
        ([*ICE, "--features", "none"], 2, "none: no feature; there are"),
        ([*ICE, "--methods", "none"], 2, "none: no method; there are iqr"),
        ([*ICE, "--methods", "knn"], 2, "such methods need a model"),
        ([*ICE, "--ops", "--explain"], 2, "--explain is for whole jobs"),
    ):
        done = epmt(sqlite_site, "outliers", *words, status=status)
        assert done.stdout == "" and done.stderr.count("\n") == 1, words
        assert message in done.stderr


def test_a_model_is_explained_though_another_cluster_has_such_job_ids(esm_site, tmp_path):
    epmt(esm_site, "refmodel", "create", "usual", "--jobs", ",".join(set(ICE) - {SLOW}))
    job = write_job(made_job(jobid="ice-0"), tmp_path / "other")
    epmt(esm_site, "submit", "--cluster", "B", job)
    (record,) = found(esm_site, SLOW, "--model", "usual", "--explain")
    assert record["outlier"] and any("usertime" in cause for cause in record["causes"])
