"""The pages and completion of all commands, made once for the tests of them."""

import pytest

from release import share
from tests.conftest import CHECKOUT


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The directory share of a release."""
    directory = tmp_path_factory.mktemp("shared") / "share"
    share.write_all(CHECKOUT, directory)
    return directory
