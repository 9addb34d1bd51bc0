"""Where an endpoint may be, the proxy on the way to it, and the authorities that are trusted."""

import base64

import pytest

from afcollect.endpoint import Away, Endpoint
from tests.afcollect.conftest import TOKEN
from tests.afcollect.serving import Proxy, Server
from usagedb import errors

BODY = f'{{"token": "{TOKEN}", "kind": "ssh"}}'.encode()
PASSWORD = "p@ss:w%rd"
WRITTEN = "p%40ss%3Aw%25rd"  # as a URL has it
BASIC = base64.b64encode(f"otter:{PASSWORD}".encode()).decode()


@pytest.fixture
def proxy():
    """A Proxy that lets everything through."""
    one = Proxy()
    yield one
    one.stop()


@pytest.fixture
def plain(tmp_path):
    """A server without TLS."""
    one = Server(tmp_path, tls=False).start()
    yield one
    one.stop()


def test_a_url_that_would_show_the_token_is_refused():
    for url in (
        "http://af.example.org/",
        "ftp://x/",
        "af.example.org",
        "https://",
        "https://u:p@x/",
    ):
        with pytest.raises(errors.UsageError):
            Endpoint(url)
    Endpoint("http://af.example.org/", insecure_http=True).close()


@pytest.mark.parametrize(
    "host", ["ex ample", "127.0.0.1%00", "[fe80::1%eth0]:1", "a..b", "...", "x" * 64 + ".org"]
)
def test_a_host_that_cannot_be_is_said(host):
    with pytest.raises(errors.UsageError, match="--url"):
        Endpoint(f"https://{host}/")


@pytest.mark.parametrize("url", ["https://h:99999/", "https://h:abc/", "https://[::1/"])
def test_a_url_that_cannot_be_is_said(url):
    with pytest.raises(errors.UsageError, match="--url"):
        Endpoint(url)


def test_nothing_is_sent_without_a_certificate_that_holds(server, tmp_path):
    (tmp_path / "other").mkdir()
    stranger = Server(tmp_path / "other")  # with an authority of its own
    other_name = server.url.replace("127.0.0.1", "localhost")
    for url, ca_file in (
        (server.url, stranger.ca_file), (server.url, None), (other_name, server.ca_file),
    ):  # fmt: skip
        with pytest.raises(Away, match="CERTIFICATE_VERIFY_FAILED") as found:
            Endpoint(url, ca_file).post(BODY)
        assert found.value.is_certain
    assert server.posts == []


def test_nobody_at_home_is_said_in_plain_words(server):
    server.stop()
    with pytest.raises(Away, match="Connection refused") as found:
        Endpoint(server.url, server.ca_file).post(BODY)
    assert "object at 0x" not in str(found.value) and not found.value.is_certain


def test_a_proxy_without_a_scheme_is_one_of_http_and_others_are_refused(monkeypatch, server):
    monkeypatch.setenv("https_proxy", "127.0.0.1:9")
    Endpoint(server.url, server.ca_file).close()
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(errors.ConfigurationError, match="proxy"):
        Endpoint(server.url, server.ca_file).open()


def test_a_wrong_file_of_authorities_is_said(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(errors.ConfigurationError, match="--ca-file"):
            Endpoint("https://af.example.org/", tmp_path / name).open()


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_token(monkeypatch, server, proxy):
    monkeypatch.setenv("HTTPS_PROXY", f"http://otter:{WRITTEN}@{proxy.place}")
    one = Endpoint(server.url, server.ca_file)
    assert one.post(BODY).is_taken and one.post(BODY).is_taken
    one.close()
    (method, target, headers), *more = proxy.asked
    assert (method, target, more) == ("CONNECT", f"127.0.0.1:{server.port}", [])
    assert headers["Proxy-Authorization"] == f"Basic {BASIC}"
    assert [one["token"] for one in server.taken] == [TOKEN] * 2
    assert proxy.seen and TOKEN.encode() not in proxy.seen
    assert "proxy-authorization" not in map(str.lower, server.posts[0][1])


@pytest.mark.parametrize("user", ["", f"otter:{WRITTEN}@"])
def test_without_tls_a_proxy_is_asked_for_the_whole_url(monkeypatch, plain, proxy, user):
    monkeypatch.setenv("http_proxy", f"http://{user}{proxy.place}")
    one = Endpoint(plain.url, insecure_http=True)
    assert one.post(BODY).is_taken and one.post(BODY).is_taken
    one.close()
    method, target, headers = proxy.asked[0]
    assert (method, target) == ("POST", plain.url)
    assert headers["Host"] == f"127.0.0.1:{plain.port}"
    assert headers.get("Proxy-Authorization") == (f"Basic {BASIC}" if user else None)
    assert [one[0] for one in plain.posts] == ["/af"] * 2 and len(plain.taken) == 2


def test_no_proxy_is_heeded(monkeypatch, server, proxy):
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    one = Endpoint(server.url, server.ca_file)
    assert one.post(BODY).is_taken and proxy.asked == []
    one.close()


def failure_with(monkeypatch, server, proxy_url):
    """Post through a proxy that does not do it; return what is said."""
    monkeypatch.setenv("HTTPS_PROXY", proxy_url)
    with pytest.raises((Away, errors.ConfigurationError)) as found:
        Endpoint(server.url, server.ca_file).post(BODY)
    assert server.posts == []
    return str(found.value)


def test_the_password_of_a_proxy_stands_in_no_message(monkeypatch, server, proxy):
    proxy.status = 407
    user = f"otter:{WRITTEN}@"
    said = [failure_with(monkeypatch, server, f"http://{user}{proxy.place}")]
    proxy.stop()
    for scheme, place in (
        ("http", proxy.place), ("socks5", proxy.place), ("http", "h:99999"), ("http", "[::1"),
    ):  # fmt: skip
        said.append(failure_with(monkeypatch, server, f"{scheme}://{user}{place}"))
    assert "407" in said[0] and "refused" in said[1] and all("proxy" in one for one in said[2:])
    for secret in (PASSWORD, WRITTEN, BASIC, TOKEN):
        assert secret not in "\n".join(said)
