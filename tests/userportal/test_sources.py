"""Sources of a configuration: what is opened, kept, checked and closed."""

import threading

import pytest

from tests.userportal.metrics import made_up
from usagedb import errors
from usagedb.config import DatabaseConfig, write_config
from userportal.configuration import Configuration, read_configuration
from userportal.metrics.expression import metric
from userportal.metrics.history import HistoryWriter
from userportal.metrics.prometheus import Prometheus
from userportal.sources import KEPT_CONNECTIONS, Sources, read_headers


def sources_of(directory, text):
    """Return the Sources of a configuration file with this text."""
    path = directory / "portal.conf"
    path.write_text(text)
    return Sources(read_configuration(path))


@pytest.fixture
def sources(site, tmp_path):
    """Sources whose [lmod] is an empty database, on each backend in turn."""
    site.create("lmod")
    found = sources_of(tmp_path, f"[lmod]\nconf_file = {site.conf_path}\n")
    yield found
    for idle in found._idle.values():
        for database in idle:
            database.close()


def test_only_what_is_configured_is_there(sources):
    assert [name for name in ("slurm", "lmod", "xalt", "epmt") if sources.has(name)] == ["lmod"]
    assert sources.metrics is None and sources.cloud_metrics is None


def test_a_database_that_is_not_configured_cannot_be_opened():
    told = r"no database is configured in \[slurm\]"
    with pytest.raises(errors.ConfigurationError, match=told), Sources(Configuration()).slurm():
        pass


def test_a_connection_to_a_server_is_used_again_and_a_file_is_closed(sources):
    with sources.database("lmod") as first:
        assert first.rows("SELECT 1")[0][0] == 1
    with sources.database("lmod") as second:
        assert (second is first) == (first.config.backend != "sqlite")


def test_a_connection_with_a_failure_is_not_used_again(sources):
    with pytest.raises(ZeroDivisionError), sources.database("lmod") as first:
        raise ZeroDivisionError
    with sources.database("lmod") as second:
        assert second is not first


def test_two_who_ask_at_once_have_a_connection_each(sources):
    with sources.database("lmod") as first, sources.database("lmod") as second:
        assert first is not second
        assert len(first.rows("SELECT 1")) == len(second.rows("SELECT 1")) == 1


def test_an_idle_connection_that_is_gone_is_replaced(sources):
    with sources.database("lmod") as first:
        first.rows("SELECT 1")
    first.connection.close()
    with sources.database("lmod") as second:
        assert second is not first
        assert len(second.rows("SELECT 1")) == 1


def test_a_database_is_opened_to_read_alone(sources):
    with sources.database("lmod") as database:
        assert database.config.read_only


def test_no_more_connections_are_kept_than_needed(sources):
    barrier = threading.Barrier(KEPT_CONNECTIONS + 2)

    def ask():
        with sources.database("lmod"):
            barrier.wait()

    threads = [threading.Thread(target=ask) for _ in range(KEPT_CONNECTIONS + 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(idle) <= KEPT_CONNECTIONS for idle in sources._idle.values())


def test_a_server_that_is_away_is_told(tmp_path):
    conf = tmp_path / "away.conf"
    write_config(conf, DatabaseConfig("mysql", "slurm", "test", ("127.0.0.1",), 1, user="x"))
    sources = sources_of(tmp_path, f"[slurm]\nconf_file = {conf}\n")
    with pytest.raises(errors.UnavailableError), sources.slurm():
        pass


def test_a_history_stands_in_for_prometheus_and_has_the_sites_filter(tmp_path):
    with HistoryWriter(tmp_path / "history.db") as writer:
        for cluster in ("one", "two"):
            writer.add("up", {"cluster": cluster}, [made_up.START], [1])
    text = (
        '[prometheus]\nhistory = history.db\nfilter = cluster="one"\nfilter_cloud = cluster="two"\n'
    )
    found = sources_of(tmp_path, text)
    for source, cluster in ((found.metrics, "one"), (found.cloud_metrics, "two")):
        (series,) = source.instant(metric("up"), made_up.START)
        assert series.labels["cluster"] == cluster


def test_prometheus_is_asked_with_the_headers_of_a_file(tmp_path):
    (tmp_path / "headers").write_text("Authorization: Bearer abc\n\nX-Scope: a:b \n")
    text = "[prometheus]\nurl = http://127.0.0.1:9\nheaders_file = headers\n"
    assert isinstance(sources_of(tmp_path, text).metrics, Prometheus)
    assert read_headers(tmp_path / "headers") == {
        "Authorization": "Bearer abc", "X-Scope": "a:b",
    }  # fmt: skip


def test_a_file_of_headers_with_a_slip_is_told_with_its_line(tmp_path):
    path = tmp_path / "headers"
    path.write_text("A: b\nno header\n")
    with pytest.raises(errors.ConfigurationError, match="headers:2: no header"):
        read_headers(path)
    with pytest.raises(errors.ConfigurationError, match="cannot read"):
        read_headers(tmp_path / "absent")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(errors.ConfigurationError, match="cannot read"):
        read_headers(path)


def test_a_wrong_filter_is_told(tmp_path):
    with pytest.raises(errors.ConfigurationError):
        assert sources_of(tmp_path, "[prometheus]\nhistory = h\nfilter = }or up{\n").metrics
