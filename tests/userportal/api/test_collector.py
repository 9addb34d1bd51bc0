"""The collector and the API, one with the other."""

import logging
import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest

from userportal.jobscripts.collector import Collector
from userportal.jobscripts.portal import Portal
from userportal.jobscripts.settings import Settings
from userportal.jobscripts.state import State


class ThreadedServer(socketserver.ThreadingMixIn, WSGIServer):
    """Serves each connection in a thread."""

    daemon_threads = True


class SilentHandler(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *arguments):
        pass


@pytest.fixture
def host(site):
    """The address of a portal that answers."""
    from django.core.wsgi import get_wsgi_application

    server = ThreadedServer(("127.0.0.1", 0), SilentHandler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def collect(site, host, tmp_path):
    """Write scripts into a spool and collect them once; more are Settings."""

    def run(scripts, **more):
        for job_id, script in scripts.items():
            directory = tmp_path / "spool" / f"hash.{job_id % 10}" / f"job.{job_id}"
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "script").write_bytes(script.encode() + b"\0")
        token = more.pop("token", None) or site.token("sue", "jobscripts")
        values = {"script_length": 1000, "once": True, **more}
        settings = Settings(
            tmp_path, host, token, spool=tmp_path / "spool", state=tmp_path / "state", **values
        )
        state, portal = State(settings.state, 10**6), Portal(settings)
        try:
            return Collector(settings, state, portal).round()
        finally:
            state.close()
            portal.close()

    return run


def stored():
    """Return {job id: script} of the portal."""
    from userportal.records.models import JobScript

    return dict(JobScript.objects.values_list("id_job", "submit_script"))


def test_what_is_sent_is_stored(collect):
    scripts = {1: "#!/bin/sh\n", 4294967295: "é€𝄞 \\x00\n" * 50, 20: "x" * 2000}
    assert collect(scripts)
    assert stored() == {**scripts, 20: "x" * 1000}


def test_what_is_stored_already_is_done(collect, caplog):
    from userportal.records.models import JobScript

    JobScript.objects.create(id_job=1, submit_script="before")
    assert collect({1: "after"})
    assert stored() == {1: "before"}
    assert [one for one in caplog.records if one.name.startswith("userportal.jobscripts")] == []


def test_what_is_too_long_for_the_portal_is_told(collect, caplog):
    assert collect({1: "x" * 1001}, script_length=5000)
    assert stored() == {}
    assert "job 1: the portal refuses the script: 400" in caplog.text


@pytest.mark.parametrize(("username", "scope"), [("sue", "notes"), ("ann", "jobscripts")])
def test_what_a_token_is_not_good_for_waits(site, collect, caplog, username, scope):
    assert not collect({1: "x"}, token=site.token(username, scope))
    assert "refuses scripts, 1 wait" in caplog.text
    assert collect({}) and stored() == {1: "x"}
    assert logging.getLogger("userportal").level == logging.NOTSET
