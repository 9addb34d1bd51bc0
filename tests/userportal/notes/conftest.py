"""A fresh portal for each test of the notes."""

import pytest

from tests.userportal.api.site import Site, portal


@pytest.fixture(scope="module")
def site_directory(tmp_path_factory):
    """The directory of a portal that Django serves."""
    with portal(tmp_path_factory.mktemp("portal")) as directory:
        yield directory


@pytest.fixture
def site(site_directory):
    """The portal with its users, without jobs, scripts and notes."""
    return Site(site_directory)
