"""Outliers by all features at once, principal components, and distributions."""

import json
import logging
import random

import pytest

from epmtlite import connection
from epmtlite.analysis import components, distributions, multivariate
from epmtlite.analysis.errors import BadArgument, BadValues, CannotAnalyze
from epmtlite.query import (
    create_refmodel,
    detect_outlier_jobs,
    feature_scatter_plot,
    get_feature_distributions,
    get_jobs,
    pca_feature_combine,
    pca_feature_rank,
    refmodel_set_active_metrics,
    sanitize_features,
    using,
)
from tests.epmtlite.made_experiment import SLOW, write_experiment
from tests.epmtlite.made_jobs import epmt

for library in ("sklearn", "pandas", "matplotlib"):
    pytest.importorskip(library, reason=f"{library} is not installed")

FEATURES = ["cpu", "io", "memory"]
USUAL = [f"ice-{number}" for number in (0, 1, 2, 4)]


def usual_rows(count=30):
    """Return rows where io follows cpu, and memory nothing."""
    source = random.Random(5)
    rows = []
    for _number in range(count):
        cpu = source.gauss(100, 10)
        io = 5 * cpu + source.gauss(0, 5)
        rows.append({"cpu": cpu, "io": io, "memory": source.gauss(3, 0.3)})
    return rows


FAR = {"cpu": 300.0, "io": 1500.0, "memory": 9.0}
# Each number is usual; that io is low where cpu is high is not.
AGAINST = {"cpu": 118.0, "io": 420.0, "memory": 3.0}
USUAL_ROW = {"cpu": 100.0, "io": 500.0, "memory": 3.0}


@pytest.mark.parametrize("method", multivariate.METHODS)
def test_every_method_tells_what_is_far_from_what_is_usual(method):
    rows = usual_rows()
    model = multivariate.model_of(rows, range(30), FEATURES, [method])
    found = multivariate.detect_with(model, [FAR, USUAL_ROW], ["far", "usual"], [method])
    assert found.masks == {method: [1, 0]}
    assert found.counts() == [1, 0]


@pytest.mark.parametrize("method", ["mcd", "pca"])
def test_what_is_unusual_only_together_is_found(method):
    model = multivariate.model_of(usual_rows(), range(30), FEATURES, [method])
    found = multivariate.detect_with(model, [AGAINST], ["against"], [method])
    assert found.masks == {method: [1]}


def test_the_rows_of_a_model_are_stored_as_plain_numbers():
    model = multivariate.model_of(usual_rows(5), range(5), FEATURES, ["knn", "hbos"])
    assert json.loads(json.dumps(model)) == model
    highest, values = model["knn"]["cpu,io,memory"]
    assert len(values) == 5 and highest > 0


def test_a_method_without_scores_is_left_out_with_a_warning(caplog, monkeypatch):
    def failing(_matrix):
        raise ValueError("cannot be fitted")

    monkeypatch.setitem(multivariate.METHODS, "mcd", failing)
    with caplog.at_level(logging.WARNING):
        model = multivariate.model_of(usual_rows(), range(30), FEATURES, ["mcd", "knn"])
        assert list(model) == ["knn"]
        with pytest.raises(CannotAnalyze, match="no scores by mcd"):
            multivariate.model_of(usual_rows(), range(30), FEATURES, ["mcd"])
    assert "mcd is left out: cannot be fitted" in caplog.text


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(BadArgument, match="2 rows: knn needs at least 3"):
        multivariate.scores_of("knn", [[1], [2]])
    with pytest.raises(BadArgument, match="none: no method; there are abod"):
        multivariate.scores_of("none", [[1]] * 3)
    with pytest.raises(BadValues, match="io of 1 is nan"):
        rows = [{"cpu": 1, "io": float("nan")}]
        multivariate.matrix_of(rows, [1], ["cpu", "io"])
    assert multivariate.method_name("pyod.models.hbos") == "hbos"
    assert multivariate.method_name("pyod.models.cof") is None


def test_equal_rows_are_no_outliers_of_each_other():
    rows = [{"cpu": 1.0, "io": 2.0, "memory": 3.0}] * 6
    for method in sorted(set(multivariate.METHODS) - {"mcd"}):  # which needs some variance
        model = multivariate.model_of(rows, range(6), FEATURES, [method])
        found = multivariate.detect_with(model, rows[:1], ["same"], [method])
        assert found.masks == {method: [0]}, method


def test_components_are_those_of_scikit_learn():
    numpy = pytest.importorskip("numpy")
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    rows = usual_rows()
    fitted = components.fit(rows, range(30), FEATURES, 2)
    matrix = numpy.array([[row[name] for name in FEATURES] for row in rows])
    model = PCA(n_components=2).fit(StandardScaler().fit_transform(matrix))
    assert fitted.shares == pytest.approx(model.explained_variance_ratio_)
    expected = model.transform(StandardScaler().fit_transform(matrix))
    projected = fitted.projected(rows, range(30))
    assert [abs(one["pca_01"]) for one in projected] == pytest.approx(abs(expected[:, 0]))
    assert json.loads(json.dumps(fitted._asdict())) == fitted._asdict()
    assert [name for name, _weight in fitted.ranked()[:2]] == ["io", "cpu"] or (
        [name for name, _weight in fitted.ranked()[:2]] == ["cpu", "io"]
    )


def test_how_many_components_is_asked_for(caplog):
    rows = usual_rows()
    assert len(components.fit(rows, range(30), FEATURES, True).names) == 2
    assert len(components.fit(rows, range(30), FEATURES, 0.999).names) == 3
    with caplog.at_level(logging.WARNING):
        components.fit(rows, range(30), FEATURES, 1)
    assert "1 components have only 0.6" in caplog.text
    for wrong in (0, 4, 1.5, -1, "2", None):
        with pytest.raises(BadArgument, match="pca="):
            components.fit(rows, range(30), FEATURES, wrong)


def test_distributions_are_told_apart():
    source = random.Random(3)
    normal = [source.gauss(50, 4) for _number in range(60)]
    assert distributions.distribution(normal) == "norm"
    assert set(distributions.check_dist(normal)) == {
        "shapiro-wilk", "kolmogorov-smirnov", "dagostino",
    }  # fmt: skip
    assert set(distributions.check_dist(normal[:20])) == {"shapiro-wilk", "kolmogorov-smirnov"}
    assert distributions.distribution(range(100)) == "uniform"
    assert distributions.distribution([1] * 30 + [1000]) == "unknown"
    assert distributions.distribution([2, 2, 2]) == "unknown"
    with pytest.raises(BadArgument):
        distributions.check_dist([1, 2])
    with pytest.raises(BadArgument):
        distributions.check_dist(normal, "poisson")


@pytest.fixture
def filled(site, tmp_path):
    """The Database of a Site with the experiment, in use."""
    site.create()
    epmt(site, "submit", "-q", *write_experiment(tmp_path / "jobs"))
    database = connection.open_database(site.config)
    with using(database):
        yield database
    database.close()


def outliers_of(result):
    """Return the ids of the jobs that have any count."""
    frame = result[0].set_index("jobid")
    return [jobid for jobid, row in frame.iterrows() if row.any()]


def test_jobs_are_measured_by_all_features_at_once(filled):
    create_refmodel(USUAL, name="all", methods=["knn", "pyod.models.pca"], features="*")
    result = detect_outlier_jobs([*USUAL, SLOW], trained_model="all")
    assert list(result[0].columns) == ["jobid", "outlier"]
    assert outliers_of(result) == [SLOW]
    assert {name: outliers for name, (_refs, outliers) in result[1].items()} == {
        "knn": {SLOW}, "pca": {SLOW},
    }  # fmt: skip
    only = detect_outlier_jobs([SLOW], trained_model="all", methods=["knn"])
    assert list(only[1]) == ["knn"]
    for methods, model, message in (
        (["knn"], None, "such methods need a model"),
        (["knn", "iqr"], "all", "do not mix"),
        (["abod"], "all", "the model has nothing by abod"),
        (["iqr"], "all", "no method and feature is left"),
    ):
        with pytest.raises((BadArgument, CannotAnalyze), match=message):
            detect_outlier_jobs([*USUAL, SLOW], trained_model=model, methods=methods)


def test_jobs_are_judged_by_components(filled):
    (frame, parts) = detect_outlier_jobs([*USUAL, SLOW], features="*", pca=2)
    assert list(frame.columns) == ["jobid", "pca_01", "pca_02", "pca_weighted"]
    assert parts["pca_01"][1] == {SLOW} and SLOW in parts["pca_weighted"][1]
    create_refmodel(USUAL, name="components", features="*", pca=True)
    (frame, parts) = detect_outlier_jobs([*USUAL, SLOW], trained_model="components")
    assert parts["pca_weighted"] == (set(USUAL), {SLOW})
    create_refmodel(USUAL, name="plain")
    with pytest.raises(CannotAnalyze, match="model plain was made without pca"):
        detect_outlier_jobs([SLOW], trained_model="plain", pca=True)


def test_features_are_combined_ranked_and_told(filled, tmp_path):
    jobs = [*USUAL, SLOW]
    frame = get_jobs(jobs, fmt="pandas")
    (combined, shares) = pca_feature_combine(frame, ["cpu_time", "duration", "usertime"], 1)
    assert "pca_01" in combined and "cpu_time" not in combined and "jobid" in combined
    assert shares[0] > 0.99
    (kept, _shares) = pca_feature_combine(frame, ["cpu_time", "duration"], 1, retain_features=True)
    assert {"pca_01", "cpu_time"} <= set(kept.columns)
    (table, ranked) = pca_feature_rank(jobs, ["cpu_time", "duration", "num_procs"])
    assert ranked[-1][0] == "num_procs" and "duration" in table
    assert set(get_feature_distributions(jobs)) == {"cpu_time", "duration", "num_procs"}
    assert sanitize_features(["duration", "tags", "none"], frame) == ["duration"]
    assert "jobid" not in sanitize_features("*", frame)
    for features in (None, ["cpu_time", "duration"]):
        path = tmp_path / "jobs.png"
        assert feature_scatter_plot(jobs, features, path, annotate=True) == path
        assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BadArgument, match="at least two features"):
        feature_scatter_plot(jobs, ["cpu_time"])


def test_components_of_equal_jobs_find_no_outliers():
    rows = [{"cpu": 1.0, "io": 2.0}] * 5
    fitted = components.fit(rows, range(5), ["cpu", "io"])
    counts = {name: [0] * 5 for name in fitted.names}
    assert components.weighted(counts, fitted) == [0] * 5


def test_some_features_of_a_model_that_judges_all_at_once_cannot_be_chosen(esm_site):
    database = connection.open_database(esm_site.config)
    with using(database):
        features = ["cpu_time", "duration"]
        create_refmodel(USUAL, name="all", features=features, methods=["knn"])
        with pytest.raises(BadArgument, match="model all judges all of its features at once"):
            refmodel_set_active_metrics("all", ["duration"])
        assert refmodel_set_active_metrics("all", ["duration", "cpu_time"]) == features
        assert refmodel_set_active_metrics("all", []) == features
    database.close()
