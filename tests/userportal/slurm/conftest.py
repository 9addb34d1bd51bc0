"""A made-up cluster's tables on each backend."""

import pytest

from tests.userportal.slurm import made


@pytest.fixture
def database(site):
    """An open Database without tables, on each backend in turn."""
    opened = site.connect()
    yield opened
    opened.close()


@pytest.fixture
def store(database):
    """The SlurmDatabase of a cluster that has accounts and no jobs, on each backend in turn."""
    return made.make(database)
