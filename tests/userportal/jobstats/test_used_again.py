"""Numbers of jobs are used again: nobody sees what another's job with the own number did."""

import datetime
import re

import pytest

from tests.userportal.jobstats import few_jobs
from tests.userportal.jobstats.few_jobs import GPU, ONE, TWO
from tests.userportal.jobstats.little import END, GIB, HOUR, START, job_row, reader, write_site
from tests.userportal.jobstats.little import Samples as LittleSamples
from tests.userportal.jobstats.little import served as served_portal
from tests.userportal.slurm.made import BOB
from userportal.jobfacts.collect import power_expression
from userportal.jobfacts.measures import Labels, job_expressions, lustre_expressions
from userportal.jobstats import found
from userportal.jobstats.registry import JOB_GRAPHS
from userportal.metrics.site_filter import NO_FILTER

AGAIN, LATER = 201, 202  # AGAIN is bob's as well, between the two of ann
OF_JOB = re.compile(r"\{[^{}]*\b(?:slurmjobid|jobid)=[^{}]*\}")
GRAPHS_OF_SETS = [kind.name for kind in JOB_GRAPHS if kind.of_sets and not kind.least_gpus]


def at(hours):
    """Return the times of a row of a job that ran for an hour."""
    start = START + hours * HOUR
    return {"time_submit": start, "time_start": start, "time_end": start + HOUR}


ROWS = (
    job_row(AGAIN, **at(0)),
    job_row(AGAIN, **at(5), id_user=BOB, id_assoc=4, account="rrg-ann"),
    job_row(LATER, **at(10)),
)


def write(samples):
    """Write the same samples for each of the three runs."""
    for job_id, user, hours in ((AGAIN, "ann", 0), (AGAIN, "bob", 5), (LATER, "ann", 10)):
        one = LittleSamples(samples.writer, START + hours * HOUR, END + hours * HOUR)
        few_jobs.write_cgroup(one, one.of_job(job_id, "c001", user), 1)
        on = {"jobid": job_id, "user": user, "account": "def-ann", "fs": "scratch"}
        for name in ("lustre_job_read_bytes_total", "lustre_job_write_bytes_total"):
            one.growing(name, GIB, component="ost", target="scratch-OST0000", **on)
        one.growing("lustre_job_stats_total", 5, operation="open", component="mdt",
                    target="scratch-MDT0000", **on)  # fmt: skip


@pytest.fixture(scope="module")
def of_ann(tmp_path_factory):
    """The browser of ann in a portal with a number that was used again."""
    path = write_site(tmp_path_factory.mktemp("again") / "site", ROWS, write)
    with served_portal(path):
        yield reader("ann")


@pytest.mark.parametrize("name", GRAPHS_OF_SETS)
def test_a_graph_of_two_jobs_has_nothing_of_anothers_run_between_them(of_ann, name):
    figure = of_ann.figure(f"jobstats/ann/{AGAIN},{LATER}/graph/{name}.json")
    hours = {
        (moment - START * 1000) // (HOUR * 1000)
        for trace in figure["data"]
        for moment, value in zip(map(milliseconds, trace["x"]), trace["y"])
        if value
    }
    assert {0, 10} <= hours <= {0, 1, 10, 11}


def milliseconds(moment):
    """Return a moment of a figure in milliseconds since the epoch."""
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000


@pytest.fixture
def ann_s_jobs(few):
    """A function: some of ann's jobs."""
    from django.conf import settings

    def jobs(*numbers):
        with settings.SOURCES.slurm() as slurm:
            return slurm.jobs(numbers, 1001)

    return jobs


def asked_of_jobs(expressions):
    """Return the selectors of metrics of jobs in some expressions."""
    texts = [expression.render(NO_FILTER) for expression in expressions]
    return [selector for text in texts for selector in OF_JOB.findall(text)]


@pytest.mark.parametrize("kind", JOB_GRAPHS, ids=lambda kind: kind.name)
def test_every_graph_asks_for_the_owner_of_the_jobs(ann_s_jobs, kind):
    for numbers in ((GPU,), (ONE, TWO)):
        context = found.context_of(ann_s_jobs(*numbers), "ann")
        layers = kind.draw(context).layers
        selectors = asked_of_jobs(layer.expression for layer in layers)
        assert all('user="ann"' in selector for selector in selectors)
        assert selectors or kind.block == "node"


def all_expressions(username):
    """Return the expressions of all figures of a job of a user."""
    found_expressions = job_expressions(ONE, lambda exporter: 30, Labels(), username)
    return {**found_expressions, **lustre_expressions(ONE, username, 3600)}


def test_the_figures_of_a_job_are_asked_for_with_its_owner(ann_s_jobs, few):
    found_expressions = all_expressions("ann")
    selectors = asked_of_jobs(found_expressions.values())
    assert len(selectors) >= len(found_expressions)
    for number in (ONE, GPU):
        selectors += asked_of_jobs([power_expression(few, ann_s_jobs(number), "ann")])
    assert all('user="ann"' in selector for selector in selectors)


def test_a_name_that_nobody_knows_is_not_asked_for(ann_s_jobs, few):
    found_expressions = all_expressions(None)
    assert not any("user=" in one for one in asked_of_jobs(found_expressions.values()))
    assert "user=" not in power_expression(few, ann_s_jobs(ONE), None).render(NO_FILTER)
