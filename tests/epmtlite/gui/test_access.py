"""epmt gui: who may see the pages, how it listens, and how it ends."""

import http.client
import os
import signal
import socket
import threading

import pytest

from epmtlite.gui.guard import Guard
from epmtlite.gui.handler import accepts_gzip
from tests.epmtlite.gui.client import SECONDS
from tests.epmtlite.made_jobs import epmt, made_job, write_job

PATHS = ("/", "/job//100", "/api/jobs", "/static/gui.css", "/picture//100", "/nothing", "/?token=x")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def gui(sqlite_site, tmp_path, start):
    """An epmt gui with one job."""
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "job"))
    return start(sqlite_site)


def test_without_the_token_nothing_is_shown(gui):
    for path in PATHS:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            reply = gui.ask(path, method)
            assert reply.status == 403, (path, method)
            assert b"ann" not in reply.body and "Set-Cookie" not in reply.headers
    assert gui.ask("/", Cookie=f"epmt_gui_{gui.port}={gui.token[:-1]}").status == 403
    assert gui.ask("/", Cookie=f"epmt_gui_1={gui.token}").status == 403
    assert gui.ask("/", Cookie="=;;\x7f").status == 403


def test_the_token_becomes_a_cookie_and_leaves_the_address(gui):
    reply = gui.ask(f"/job//100?all=1&token={gui.token}")
    assert (reply.status, reply.headers["Location"]) == (303, "/job//100?all=1")
    assert reply.headers["Set-Cookie"] == (
        f"epmt_gui_{gui.port}={gui.token}; Path=/; HttpOnly; SameSite=Strict"
    )
    assert gui.get("/job//100?all=1").page().text()
    # The token leads nowhere else than here.
    for path in ("//example.com/", "/\\example.com/", "/\\/example.com/", "///example.com/"):
        location = gui.ask(f"{path}?token={gui.token}").headers["Location"]
        assert location.startswith("/") and not location.startswith(("//", "/\\")), path


def test_a_link_from_elsewhere_leads_on_by_a_page_of_ours(gui):
    reply = gui.ask(f'/?token={gui.token}&filter="><b>', Sec_Fetch_Site="cross-site")
    assert reply.status == 200 and "Set-Cookie" in reply.headers
    assert reply.page().of("meta")[0]["content"] == "0; url=/?filter=%22%3E%3Cb%3E"
    assert gui.token not in reply.text()


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example",
                                  "192.0.2.7", "[2001:db8::1]", "a@localhost", ""])  # fmt: skip
def test_cant_be_asked_by_another_name(gui, name):
    assert gui.get("/", 403, Host=name).text().startswith("403: the pages are asked for by")
    assert gui.ask(f"/?token={gui.token}", Host=name).status == 403


def test_is_asked_by_the_names_of_this_machine_on_any_port(gui):
    for name in ("localhost", "LOCALHOST:9999", "127.0.0.1:1", "[::1]:80", "127.1.2.3"):
        gui.get("/", Host=name)  # the port is another one behind ssh -L


def test_pages_can_only_be_read(gui):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert gui.get("/", 405, method).headers["Allow"] == "GET, HEAD"
    assert gui.get("/", 501, "BREW").headers["Content-Security-Policy"]


def test_head_is_get_without_a_body(gui):
    for path in ("/", "/picture//100", "/?format=csv"):
        reply = gui.get(path, method="HEAD")
        assert reply.body == b""
        assert reply.headers["Content-Type"] == gui.get(path).headers["Content-Type"]


def test_what_browsers_may_do_with_pages_is_little(gui):
    for path in ("/", "/api/jobs", "/job//100", "/?format=csv", "/picture//100", "/static/gui.js"):
        headers = gui.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "Python" not in headers["Server"]
        if not path.startswith("/static/"):
            assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'self'" in gui.get("/picture//100").headers["Content-Security-Policy"]


def test_what_is_no_request_is_refused_in_our_words(gui):
    for raw in (b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 70_000 + b"\r\n"):
        with socket.create_connection((gui.host, gui.port), SECONDS) as connection:
            connection.sendall(raw)
            reply = connection.makefile("rb").read()
        assert b"Content-Security-Policy" in reply and b"Traceback" not in reply
        assert b" 400 " in reply or b" 505 " in reply or b" 414 " in reply


def test_the_token_is_never_logged(sqlite_site, start):
    gui = start(sqlite_site, "-vv")
    gui.get("/?user=somebody")
    gui.ask(f"/?token={gui.token}")
    gui.ask("/?token=guessed")
    status, messages = gui.end()
    assert status == 128 + signal.SIGTERM and "GET / 200" in messages
    assert gui.token not in messages and "guessed" not in messages and "somebody" not in messages


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_though_connections_are_open(gui, number):
    gui.get("/")
    waiting = socket.create_connection((gui.host, gui.port), SECONDS)
    kept = socket.create_connection((gui.host, gui.port), SECONDS)
    kept.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {gui.cookie}\r\n\r\n".encode())
    assert kept.recv(100).startswith(b"HTTP/1.1 200")
    assert gui.end(number) == (128 + number, "")
    for connection in (waiting, kept):
        with connection:
            while connection.recv(1 << 16):
                pass


def test_many_waiting_connections_keep_nobody_out(gui):
    gui.get("/")
    waiting = [socket.create_connection((gui.host, gui.port), SECONDS) for _number in range(150)]
    gui.get("/")
    for connection in waiting:
        connection.close()


def test_many_ask_at_once(gui):
    gui.get("/")
    found = []

    def ask():
        found.append(gui.get("/job//100").status)

    threads = [threading.Thread(target=ask) for _number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert found == [200] * 30


def test_a_connection_serves_many_requests(gui):
    gui.get("/")
    with socket.create_connection((gui.host, gui.port), SECONDS) as connection:
        stream = connection.makefile("rb")
        for target in ("/api/jobs", "/?format=csv", "/nothing", "/api/jobs"):
            request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nCookie: {gui.cookie}\r\n\r\n"
            connection.sendall(request.encode())
            assert stream.readline().startswith(b"HTTP/1.1 ")
            head = http.client.parse_headers(stream)
            if "Content-Length" in head:
                stream.read(int(head["Content-Length"]))
                continue
            while size := int(stream.readline(), 16):
                stream.read(size + 2)
            stream.readline()


def test_cant_take_a_port_that_is_in_use(gui, sqlite_site):
    done = epmt(sqlite_site, "gui", "--port", gui.port, status=75, timeout=SECONDS)
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: port {gui.port} of 127.0.0.1 is in use: say --port N, or --port 0 for any that is"
        " free\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--host", "0.0.0.0"], "say --public if you want that"),
        (["--host", "::"], "say --public if you want that"),
        (["--host", "no.such.host.invalid"], "--host no.such.host.invalid: "),
        (["--port", "65536"], "argument --port: "),
        (["--port", "-1"], "argument --port: "),
        (["--port", "http"], "argument --port: "),
        (["--browser", "--no-browser"], "not allowed with"),
    ],
)
def test_cant_listen_there(sqlite_site, words, sentence):
    done = epmt(sqlite_site, "gui", *words, status=2, timeout=SECONDS)
    assert done.stdout == "" and sentence in done.stderr


def test_says_at_once_that_there_is_no_database(sqlite_site, tmp_path):
    sqlite_site.conf_path = tmp_path / "missing.conf"
    assert "missing.conf" in epmt(sqlite_site, "gui", status=78, timeout=SECONDS).stderr


def test_the_network_is_served_with_a_warning_only(sqlite_site, start):
    gui = start(sqlite_site, "--host", "0.0.0.0", "--public")
    gui.host = "127.0.0.1"
    gui.get("/", Host=socket.gethostname())
    gui.get("/", Host="192.0.2.7")  # an address cannot be rebound
    gui.get("/", 403, Host="evil.example")
    _status, messages = gui.end()
    assert messages == (
        "Warning: everyone in the network can reach the port, and without TLS read what is sent\n"
    )


def test_each_start_has_a_token_of_its_own():
    tokens = {Guard("127.0.0.1", False).token for _number in range(50)}
    assert len(tokens) == 50 and all(len(token) >= 43 for token in tokens)


def test_a_browser_is_opened_without_the_token_in_its_arguments(sqlite_site, start, tmp_path):
    seen = tmp_path / "seen"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {seen}.new\ncat "${{1#file://}}" >> {seen}.new\n'
                       f"mv {seen}.new {seen}\n")  # fmt: skip
    program.chmod(0o755)
    gui = start(sqlite_site, "--browser", env={**os.environ, "BROWSER": str(program)})
    gui.get("/")
    while not seen.exists():
        assert gui.process.poll() is None
    argument, page = seen.read_text().splitlines()
    assert argument.startswith("file:///") and gui.token not in argument
    assert f"url={gui.address}" in page
    gui.end()
    assert not os.path.exists(argument[len("file://") :])  # noqa: PTH110


def test_gzip_is_sent_to_who_wants_it(gui):
    assert "Content-Encoding" not in gui.get("/").headers
    packed = gui.get("/", Accept_Encoding="br, gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text() == gui.get("/").text()
    picture = gui.get("/picture//100", Accept_Encoding="gzip")
    assert picture.text() == gui.get("/picture//100").text()


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", False),
        ("gzip", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("*", False),
    ],
)
def test_accept_encoding_means_what_it_says(header, wanted):
    assert accepts_gzip(header) is wanted


@pytest.mark.parametrize("other", ['theme={"dark":true}', "a[b]=1", "flag", "=;;\x7f", 'x="a;b'])
def test_cookies_of_other_services_keep_nobody_out(other):
    guard = Guard("127.0.0.1", False)
    guard.set_port(8050)
    own = f"epmt_gui_8050={guard.token}"
    for header in (own, f"{other}; {own}", f"{own}; {other}", f"{other};{own};{other}"):
        assert guard.has_cookie(header), header
    for header in (other, None, "", f"{other}; epmt_gui_805={guard.token}", f"{own}x", f"x{own}"):
        assert not guard.has_cookie(header), header
