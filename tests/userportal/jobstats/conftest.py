"""The little site with its few jobs, for all tests of a module."""

import pytest

from tests.userportal.jobstats import few_jobs
from tests.userportal.jobstats.little import reader, served, write_site


@pytest.fixture(scope="session")
def few_jobs_path(tmp_path_factory):
    """The configuration file of a portal with few jobs."""
    directory = tmp_path_factory.mktemp("few") / "jobs"
    return write_site(directory, few_jobs.ROWS, few_jobs.write)


@pytest.fixture(scope="module")
def few(few_jobs_path):
    """The Configuration of the portal with few jobs, which Django serves."""
    with served(few_jobs_path) as portal:
        yield portal


@pytest.fixture
def ann(few):
    """The browser of ann, whose jobs these are."""
    return reader("ann")


@pytest.fixture
def graph(ann):
    """A function: the figure of a graph of one job or several of ann's."""
    return lambda jobs, name, query="": ann.figure(f"jobstats/ann/{jobs}/graph/{name}.json{query}")
