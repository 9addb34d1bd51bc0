"""The processes of a job are those of its records, and hostile names stay text."""

import json

import plotly.graph_objects
import pytest

from epmtlite import annotations, selection
from tests.epmtlite.made_jobs import (
    BEGIN_MICROSECONDS,
    epmt,
    made_job,
    random_records,
    record,
)
from usagedb import errors
from userportal.suite import processes, timeline

START = BEGIN_MICROSECONDS / 1e6
HOUR = 3600
MAP = "alder: slurm=fr timezone=UTC"
HOSTILE = "<script>alert(1)</script>\x1b]0;x%{customdata}"


def of_job(database, job_id=100, user="ann", start=START, end=START + HOUR, cluster="fr"):
    """Return the ProcessesOfJob on a cluster."""
    return processes.processes_of_job(database, cluster, job_id, user, start, end)


def test_a_job_has_its_sums_and_programs(filled):
    records = [
        record(pid=10, start=0, lasts=4_000_000, exename="bash"),
        record(pid=11, ppid=10, start=10, lasts=2_000_000, exename="model", exitcode=3,
               hostname="n2", threads=[(10**6, 5 * 10**5, 4096, 0, 0, 9)] * 2),
    ]  # fmt: skip
    found = of_job(filled.jobs(made_job(records)).open(MAP))
    assert (found.processes, found.threads, found.failed, found.exit_code) == (2, 3, 1, 0)
    assert found.cpu_seconds == pytest.approx(3.0004)
    assert found.peak_bytes == 4096 * 1024
    assert found.tags == (("exp_component", "ice"), ("exp_name", "ocean"))
    assert found.programs == (
        processes.ProgramProcesses("model", 1, 1, 3.0, 2.0, 2.0, 4096 * 1024),
        processes.ProgramProcesses("bash", 1, 0, 0.0004, 4.0, 4.0, 2048 * 1024),
    )
    assert (found.features, found.is_outlier) == (None, None)


def test_a_job_of_another_user_time_or_cluster_is_not_shown(filled):
    filled.jobs(made_job(), options=("--cluster", "alder"))
    database = filled.open(MAP)
    assert of_job(database).job.jobid == "100"
    assert of_job(database, start=START - 9 * HOUR, end=START - 8 * HOUR) is None
    assert of_job(database, start=None, end=None) is None
    assert of_job(database, end=None).job.jobid == "100"
    assert of_job(filled.open("vesta: slurm=fr")) is None
    assert of_job(filled.open(), cluster="anything").job.jobid == "100"
    for user in ("bob", "' OR '1'='1", "ann\0", "%", "\udcff", "x" * 100_000, "", "ANN"):
        assert of_job(database, user=user) is None
    for job_id in (101, "", "alder/100", "100' OR 1=1 --", None, "10_"):
        assert of_job(database, job_id) is None


def test_a_job_that_was_called_an_outlier_is_marked(sqlite_filled):
    sqlite_filled.jobs(made_job())
    writable = sqlite_filled.site.connect()
    (job,) = selection.named_jobs(writable, ["100"])
    noted = [{"model_id": None, "results": {"duration": [["99"], ["100"]], "cpu": [["100"], []]}}]
    annotations.set_analyses(writable, job, {"outlier_detection": noted}, replace=False)
    writable.close()
    found = of_job(sqlite_filled.open(MAP))
    assert found.features == (
        processes.Feature("cpu", False),
        processes.Feature("duration", True),
    )
    assert found.is_outlier


def test_a_timeline_has_the_longest_processes_and_says_what_is_left_out(filled):
    database = filled.jobs(made_job(random_records(60, seed=4))).open(MAP)
    job = of_job(database).job
    whole = processes.timeline(database, job)
    assert (len(whole.processes), whole.more, whole.longest_left_out) == (60, 0, 0.0)
    lengths = sorted((one.seconds for one in whole.processes), reverse=True)
    some = processes.timeline(database, job, most=20)
    assert sorted((one.seconds for one in some.processes), reverse=True) == lengths[:20]
    assert some.more == 40
    assert some.longest_left_out >= lengths[20]


def test_the_tree_has_each_process_once_below_its_parent(sqlite_filled):
    database = sqlite_filled.jobs(made_job(random_records(60, seed=4))).open(MAP)
    found = processes.timeline(database, of_job(database).job, most=30)
    path: list = []
    seen = []
    for level, one in found.tree():
        del path[level:]
        parent = path[-1] if path else None
        assert parent is (found.processes[one.parent] if one.parent >= 0 else None)
        path.append(one)
        seen.append(one)
    assert sorted(map(id, seen)) == sorted(map(id, found.processes))


def test_the_figure_has_a_bar_for_each_process_and_plotly_knows_all_of_it(sqlite_filled):
    database = sqlite_filled.jobs(made_job(random_records(80, seed=6))).open(MAP)
    job = of_job(database)
    found = processes.timeline(database, job.job, most=50)
    figure = timeline.figure(found, job.programs)
    bars = sorted(
        (base, length, row)
        for one in figure["data"]
        for base, length, row in zip(one["base"], one["x"], one["y"])
    )
    assert len(bars) == 50
    assert len(set(bars)) == 50
    assert bars[0][0].startswith("2026-03-01 08:00:00.25")
    rows = figure["layout"]["yaxis"]["range"][0] + 0.5
    assert {row for _base, _length, row in bars} == set(range(int(rows)))
    assert figure["layout"]["yaxis"]["ticktext"] == ["n1", "n2"]
    assert figure["layout"]["meta"]["left_out"] == 30
    json.dumps(figure, allow_nan=False)
    plotly.graph_objects.Figure(data=figure["data"], layout=figure["layout"])  # checks all names


def test_programs_without_a_colour_of_their_own_share_one(sqlite_filled):
    records = [
        record(pid=number, exename=f"prog{number:02d}", start=number * 10, lasts=1000 - number)
        for number in range(1, 30)
    ]
    database = sqlite_filled.jobs(made_job(records)).open(MAP)
    job = of_job(database)
    found = processes.timeline(database, job.job)
    figure = timeline.figure(found, job.programs, {"others": "autres"})
    assert figure["data"][-1]["name"] == "autres"
    assert len(figure["data"][-1]["x"]) == 29 - len(figure["data"]) + 1
    assert len({one["marker"]["color"] for one in figure["data"]}) == len(figure["data"])


def test_an_empty_timeline_is_a_figure_too():
    figure = timeline.figure(processes.Timeline((), 0, 0.0), ())
    assert figure["data"] == []
    json.dumps(figure, allow_nan=False)


def test_hostile_names_are_neither_markup_nor_templates(sqlite_filled):
    records = [record(exename=HOSTILE, args=HOSTILE, exitsignal=11)]
    database = sqlite_filled.jobs(made_job(records)).open(MAP)
    job = of_job(database)
    figure = timeline.figure(processes.timeline(database, job.job), job.programs)
    text = json.dumps(figure)
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "\\u001b" not in text
    assert all("hovertemplate" not in one for one in figure["data"])
    assert "signal 11" in text
    assert "\x1b" not in job.programs[0].name


def test_the_whole_page_is_a_file_that_no_name_can_break_out_of(sqlite_filled):
    records = [record(exename=HOSTILE, args="</script><b>x")]
    database = sqlite_filled.jobs(made_job(records)).open(MAP)
    name, chunks = processes.whole_page(database, of_job(database).job)
    text = "".join(chunks)
    assert name == "100.html"
    assert "Content-Security-Policy" in text
    assert "</script><b>" not in text
    assert "Job 100" in text
    assert text.isascii()


def test_the_page_of_a_deleted_job_is_an_error_that_is_told(sqlite_filled):
    database = sqlite_filled.jobs(made_job()).open(MAP)
    job = of_job(database).job
    epmt(sqlite_filled.site, "delete", "100")
    with pytest.raises(errors.MissingInputError):
        processes.whole_page(database, job)
    assert processes.timeline(database, job).processes == ()
    assert of_job(database) is None
