"""Real servers of epmt gui."""

import pytest

from tests.epmtlite.gui.client import Gui


@pytest.fixture
def start():
    """A function that starts an epmt gui on a Site."""
    started = []

    def start_one(site, *arguments, **options):
        started.append(Gui(site, *arguments, **options))
        return started[-1]

    yield start_one
    for one in started:
        one.end()
