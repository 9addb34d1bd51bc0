"""The units of the portal: systemd takes them, and what they start is safe by itself."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal_site import (
    FORGED,
    FORGED_NAMES,
    PROGRAM,
    SOCKET_UNIT,
    UNIT,
    DirectPortal,
    Site,
    service,
    socket_unit,
    unit,
    words_of,
)
from tests.services import CONF, require_service, wait_until
from tests.web_servers import MEMBER

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="Django needs Python 3.10")
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Give a directory with a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        yield Path(directory)


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
@pytest.mark.parametrize("trusted", ["unix", "127.0.0.1"])
def test_past_the_web_server_nobody_is_believed(
    direct: "dict[str, DirectPortal]", trusted: str, headers: "dict[str, str]"
) -> None:
    # 127.0.0.2 is another address than the trusted one; both are there on every machine.
    location = direct[trusted].ask("127.0.0.2", headers)
    assert location is not None
    assert location.startswith("/accounts/login/")


def test_only_the_trusted_address_is_believed(direct: "dict[str, DirectPortal]") -> None:
    headers = {"X-Remote-User": MEMBER}
    assert direct["127.0.0.1"].ask("127.0.0.1", headers) == "/secure/jobstats/ann/"
    assert "/login/" in str(direct["unix"].ask("127.0.0.1", headers))


def test_a_reload_reads_the_configuration_anew(tmp_path: Path) -> None:
    require_service(modules=["django", "gunicorn"])
    assert service()["ExecReload"] == "/bin/kill -HUP $MAINPID"
    site = Site(tmp_path / "site", "methods = password")
    with DirectPortal(site, tmp_path / "run", "127.0.0.1") as server:
        before = site.conf.read_text()
        site.conf.write_text(before.replace("[portal]", "[portal]\ntitle = Birch cluster"))
        assert "Birch" not in server.page("/")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Birch cluster" in server.page("/"), "the new title")


@pytest.fixture(scope="module")
def direct(scratch: Path) -> "Iterator[dict[str, DirectPortal]]":
    """Give portals that listen at all addresses, by what they trust."""
    require_service(modules=["django", "gunicorn"])
    servers = {}
    for trusted in ("unix", "127.0.0.1"):
        directory = scratch / f"direct-{trusted}"
        found = Site(directory, f"methods = headers\ntrusted_proxies = {trusted}")
        servers[trusted] = DirectPortal(found, directory / "run", "0.0.0.0")  # noqa: S104
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def test_the_service_does_not_begin_with_old_tables(tmp_path: Path) -> None:
    require_service(modules=["django"])
    site = Site(tmp_path / "site", "methods = password")
    words = words_of("ExecStartPre")[1:]
    assert site.try_to(*words).returncode == 0
    (site.state / "portal.db").unlink()
    assert site.try_to(*words).returncode != 0


def test_a_wrong_configuration_ends_the_service_in_a_line_and_for_good(tmp_path: Path) -> None:
    require_service(modules=["django"])
    site = Site(tmp_path / "site", "methods = password")
    site.conf.write_text("[portal]\nclster = x\n")
    done = site.try_to(*words_of("ExecStartPre")[1:])
    assert str(done.returncode) in service()["RestartPreventExitStatus"].split()
    assert "clster" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_units_agree_with_each_other_and_with_the_web_servers() -> None:
    assert unit(UNIT)["Unit"]["Requires"] == SOCKET_UNIT
    path = socket_unit()["ListenStream"]
    assert socket_unit()["SocketMode"] == "0660"
    for name in ("portal-nginx.conf", "portal-apache-proxy.conf"):
        assert f"unix:{path}" in (CONF / name).read_text()
    state = service()["ReadWritePaths"]
    for name in ("portal-nginx.conf", "portal-apache-proxy.conf", "portal-apache-shibboleth.conf"):
        assert f"{state}/portal-static/" in (CONF / name).read_text()
    assert f"state = {state}" in (CONF / "portal.conf.sample").read_text()


@pytest.fixture
def installed_units(tmp_path: Path) -> "list[str]":
    """Give copies of the units whose program and accounts are there."""
    paths = []
    for name in (UNIT, SOCKET_UNIT):
        text = (CONF / name).read_text().replace(PROGRAM, "/bin/true")
        text = text.replace("=hpcportal", "=nobody").replace("Group=nobody", "Group=daemon")
        (tmp_path / name).write_text(text.replace("SocketGroup=apache", "SocketGroup=daemon"))
        paths.append(str(tmp_path / name))
    return paths


@needs_systemd
def test_systemd_finds_no_fault(installed_units: "list[str]") -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *installed_units],
        check=False, capture_output=True, text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "userportal" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_the_service_is_closed_to_most(installed_units: "list[str]") -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25"]
    done = subprocess.run(
        [*command, installed_units[0]], check=False, capture_output=True, text=True
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-200:]


def test_nobody_else_reads_the_portal_s_own_files(tmp_path: Path) -> None:
    require_service(modules=["django"])
    site = Site(tmp_path / "site", "methods = password")
    site.add_staff("carol")
    modes = {path.name: path.stat().st_mode & 0o777 for path in site.state.iterdir()}
    assert modes.pop("portal-static") == 0o755
    assert {"portal.db", "portal.key"} <= set(modes)
    assert set(modes.values()) == {0o600}
