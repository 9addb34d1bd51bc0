"""epmt refmodel: models are made, used or not, shown and deleted at the shell."""

import json

import pytest

from tests.epmtlite.made_experiment import SLOW, write_experiment
from tests.epmtlite.made_jobs import epmt

USUAL = "ice-0,ice-1,ice-2,ice-4"


def shown(site, *models):
    """Return what epmt refmodel show prints as JSON."""
    return json.loads(epmt(site, "refmodel", "show", *models, "--format", "json").stdout)


def test_a_model_is_made_used_or_not_and_deleted(esm_site):
    number = epmt(
        esm_site, "refmodel", "create", "usual", "--jobs", USUAL, "--tag", "exp_name:esm"
    ).stdout.strip()
    (model,) = shown(esm_site)
    assert (str(model["id"]), model["name"], model["tags"]) == (
        number,
        "usual",
        {"exp_name": "esm"},
    )
    assert model["jobs"] == USUAL.split(",") and model["enabled"] is True
    measured = ("outliers", SLOW, "--model", "usual", "--format", "json")
    assert json.loads(epmt(esm_site, *measured).stdout)[0]["outlier"] is True
    epmt(esm_site, "refmodel", "disable", number)
    assert shown(esm_site, "usual")[0]["enabled"] is False
    epmt(esm_site, *measured, status=2)
    epmt(esm_site, "refmodel", "enable", "usual")
    epmt(esm_site, *measured)
    epmt(esm_site, "refmodel", "delete", "usual")
    assert shown(esm_site) == []


def test_a_model_of_operations_is_made(esm_site):
    epmt(
        esm_site,
        "refmodel",
        "create",
        "ops",
        "--jobs",
        USUAL,
        "--ops",
        "--features",
        "duration",
    )
    (model,) = shown(esm_site, "ops")
    assert model["op_tags"] == [{"op": "compute"}, {"op": "copy"}]
    assert list(model['{"op": "compute"}']["z_score"]) == ["duration"]


def test_jobs_of_a_model_stay_until_it_goes(esm_site):
    epmt(esm_site, "refmodel", "create", "usual", "--jobs", USUAL)
    done = epmt(esm_site, "delete", "ice-0", SLOW, status=3)
    assert "1 jobs stay, since models were made of them; the first: ice-0" in done.stderr
    left = epmt(esm_site, "list", "--format", "csv").stdout.split()
    assert "ice-0" in left and SLOW not in left
    epmt(esm_site, "delete", "--remove-models", "ice-0")
    assert shown(esm_site) == [] and "ice-0" not in epmt(esm_site, "list").stdout


@pytest.mark.parametrize(
    "words, status, message",
    [
        (["create", "x"], 2, "no job is named"),
        (["create", "--jobs", USUAL], 2, "create takes one name"),
        (["create", "x", "--jobs", "ice-0,ice-1"], 2, "a model needs at least 3 jobs"),
        (["create", "x", "--jobs", "none,ice-1,ice-2"], 66, "no job none is in the database"),
        (["enable"], 2, "which model?"),
        (["enable", "x"], 66, "there is no model x"),
        (["delete", "x", "--jobs", "ice-0"], 2, "delete takes models alone"),
        (["frobnicate", "x"], 2, "invalid choice"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(sqlite_site, tmp_path, words, status, message):
    sqlite_site.create()
    epmt(sqlite_site, "submit", "-q", *write_experiment(tmp_path / "jobs"))
    done = epmt(sqlite_site, "refmodel", *words, status=status)
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_two_models_have_not_one_name(esm_site):
    epmt(esm_site, "refmodel", "create", "usual", "--jobs", USUAL)
    done = epmt(esm_site, "refmodel", "create", "usual", "--jobs", USUAL, status=2)
    assert done.stderr == "Error: there is a model usual already\n"


def test_a_model_of_all_features_at_once_measures_jobs(esm_site):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    words = ("refmodel", "create", "all", "--jobs", USUAL, "--methods", "knn,pca")
    epmt(esm_site, *words)
    done = epmt(esm_site, "outliers", SLOW, "ice-0", "--model", "all", "--explain", "--format=json")
    slow, usual = json.loads(done.stdout)
    assert (slow["outlier"], usual["outlier"]) == (True, False)
    assert slow["cpu_time,duration,num_procs"] == 2
    assert slow["causes"][0].endswith("times the usual") and usual["causes"] == []


def test_a_dry_run_says_which_models_would_go(esm_site):
    epmt(esm_site, "refmodel", "create", "usual", "--jobs", USUAL)
    ((number,),) = esm_site.rows("SELECT id FROM epmt_refmodel")
    done = epmt(esm_site, "delete", "-n", "--remove-models", "ice-0", SLOW)
    first, *others = done.stdout.splitlines()
    assert first == f"would delete model {number}: usual"
    assert len(others) == 2 and all(line.startswith("would delete job ") for line in others)
    assert len(shown(esm_site)) == 1 and "ice-0" in epmt(esm_site, "list").stdout
    done = epmt(esm_site, "delete", "-n", "--remove-models", SLOW)
    assert "model" not in done.stdout
