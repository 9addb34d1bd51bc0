"""epmt explore: what the jobs of an experiment took, by component and segment of time."""

import json

import pytest

from epmtlite import connection, explore
from epmtlite.analysis.errors import BadArgument
from epmtlite.query import (
    exp_component_outliers,
    exp_time_segment_stats,
    find_missing_time_segments,
    using,
)
from tests.epmtlite.made_experiment import SECONDS, SEGMENTS, SLOW
from tests.epmtlite.made_jobs import epmt


def durations(component):
    """Return the durations of the jobs of a component, in microseconds."""
    return [(seconds + 3) * 1_000_000 for seconds in SECONDS[component]]


def test_the_three_blocks_say_what_took_how_long(esm_site):
    records = json.loads(epmt(esm_site, "explore", "esm", "--format", "json").stdout)
    blocks = {}
    for record in records:
        blocks.setdefault(record["block"], []).append(record)
    assert list(blocks) == [
        "top 2 components by sum(duration)", "variations across time segments",
        "duration by time segment",
    ]  # fmt: skip
    top, jobs, segments = blocks.values()
    assert [row["component"] for row in top] == ["ocean", "ice"]
    assert [row["sum"] for row in top] == [sum(durations(one)) for one in ("ocean", "ice")]
    assert sum(row["percent"] for row in top) == pytest.approx(100)
    assert (top[1]["min"], top[1]["max"]) == (102_000_000, 903_000_000)
    assert [row["jobid"] for row in jobs if row["outlier"]] == [SLOW]
    assert [row["exp_time"] for row in segments] == list(SEGMENTS)
    assert [row["jobs"] for row in segments] == [2] * 5
    assert [row["exp_time"] for row in segments if row["outlier"]] == [SEGMENTS[3]]


def test_people_get_tables_with_titles(esm_site):
    text = epmt(esm_site, "explore", "esm", "--limit", "1", "--metric", "cpu_time").stdout
    assert text.startswith("top 1 components by sum(cpu_time)\n\ncomponent")
    assert "\nvariations across time segments\n" in text and "\ncpu_time by time segment\n" in text
    assert "ocean-3" in text and "ice-3" not in text


def test_python_programs_get_the_same(esm_site):
    database = connection.open_database(esm_site.config)
    with using(database):
        rows = exp_component_outliers("esm")
        assert [row["jobid"] for row in rows if row["outlier"]] == [SLOW]
        assert [row["jobs"] for row in exp_time_segment_stats("esm", "num_procs")] == [2] * 5
        missing = find_missing_time_segments("esm", time_segments=range(18540101, 18850101, 50000))
        assert missing == {"ice": ["18790101", "18840101"], "ocean": ["18790101", "18840101"]}
        assert find_missing_time_segments("esm", time_segments=SEGMENTS) == {}
    database.close()


def test_errors_say_what_there_is(esm_site):
    done = epmt(esm_site, "explore", "none", status=2)
    assert done.stderr == "Error: no job has the tag exp_name:none\n"
    done = epmt(esm_site, "explore", "esm", "--metric", "user", status=2)
    assert "user: no number that these jobs have; all have cpu_time, duration" in done.stderr
    epmt(esm_site, "explore", "esm", "--limit", "0", status=2)


def test_a_component_that_takes_nothing_has_no_share():
    jobs = explore.experiment_jobs([{"tags": {}, "jobid": "1", "value": 0}], "value")
    (row,) = explore.top_components(jobs, 5)
    assert (row["component"], row["percent"], row["cv"]) == ("", 0.0, 0.0)
    assert explore.segments(jobs, ["iqr"]) == [{"exp_time": "", "jobs": 1, "sum": 0, "outlier": ""}]
    with pytest.raises(BadArgument, match="none: no number"):
        explore.experiment_jobs([{"tags": {}, "jobid": "1", "value": 0}], "none")


def test_a_job_that_lacks_the_number_is_left_out_and_told(caplog):
    records = [{"tags": {}, "jobid": str(number), "value": number} for number in range(3)]
    records += [{"tags": {}, "jobid": f"x{number}", "value": None} for number in range(7)]
    jobs = explore.experiment_jobs(records, "value")
    assert [job.jobid for job in jobs] == ["0", "1", "2"]
    assert caplog.messages == ["left out, for they have no value: x0, x1, x2, x3, x4 and 2 more"]
