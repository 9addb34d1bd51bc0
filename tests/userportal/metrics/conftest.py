"""The same made-up history in a real Prometheus and in a file."""

import pytest

from tests.prometheus_server import OpenMetrics, PrometheusServer
from tests.services import require_service
from tests.userportal.metrics import made_up
from userportal.metrics.history import History, HistoryWriter
from userportal.metrics.prometheus import Prometheus


@pytest.fixture(scope="session")
def made_up_server(tmp_path_factory):
    """A Prometheus with the made-up history."""
    require_service("prometheus", "promtool")
    directory = tmp_path_factory.mktemp("prometheus")
    with OpenMetrics(directory / "made_up.om") as writer:
        made_up.write(writer)
    server = PrometheusServer(directory)
    server.start(writer.path)
    yield server
    server.stop()


@pytest.fixture
def prometheus(made_up_server):
    """The client of that Prometheus."""
    return Prometheus(made_up_server.url, timeout_seconds=60)


@pytest.fixture(scope="session")
def history(tmp_path_factory):
    """The made-up history in a file."""
    path = tmp_path_factory.mktemp("history") / "history.db"
    with HistoryWriter(path) as writer:
        made_up.write(writer)
    return History(path)
