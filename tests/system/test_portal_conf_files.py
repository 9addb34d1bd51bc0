"""The shipped files of web servers for the portal, as a site uses them.

nginx, Apache, gunicorn and mod_wsgi are real; of the files only paths, names, addresses and ports
are replaced. Single sign-on needs an identity provider, which is not here: in its place stands
HTTP's own basic authentication, which sets REMOTE_USER as Shibboleth, Mellon and OpenID Connect do,
and for nginx a small service that is asked about each request. The real mod_shib (without shibd),
mod_auth_openidc (with a small provider) and mod_auth_mellon (syntax) are tried where they are.
"""

import grp
import json
import os
import pwd
import re
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.portal_site import (
    DOMAIN,
    FORGED,
    FORGED_NAMES,
    HOST,
    PASSWORD,
    WEB_ACCOUNT,
    Gunicorn,
    Site,
    words_of,
)
from tests.services import CONF, replaced, require_service
from tests.web_servers import (
    APACHE_MODULES,
    MEMBER,
    STAFF,
    Answer,
    Apache,
    Certificate,
    Nginx,
    WebServer,
    basic,
    stand_in,
)

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="Django needs Python 3.10")


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Give a directory with a short path, as sockets need it, that other accounts may enter."""
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture(scope="module")
def site(scratch: Path) -> Site:
    """Give a portal for web servers that are proxies."""
    require_service(modules=["django", "gunicorn"])
    return Site(scratch / "proxied", "methods = password, headers\ntrusted_proxies = unix")


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    """Give a token of the account carol, of the staff, for the job scripts."""
    return site.add_staff("carol")


@pytest.fixture(scope="module")
def gunicorn(site: Site) -> Iterator[Gunicorn]:
    """Give the portal as its service runs it."""
    with Gunicorn(site, words_of("ExecStart")) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(scratch: Path) -> Certificate:
    """Give a certificate for this machine."""
    import trustme

    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    files = Certificate(*(scratch / name for name in ("portal.crt", "portal.key", "ca.pem")))
    for number, blob in enumerate(made.cert_chain_pems):
        blob.write_to_path(str(files.chain), append=bool(number))
    made.private_key_pem.write_to_path(str(files.key))
    authority.cert_pem.write_to_path(str(files.authority))
    return files


# nginx ------------------------------------------------------------------


@pytest.fixture(scope="module")
def nginx(
    scratch: Path, site: Site, gunicorn: Gunicorn, certificate: Certificate
) -> Iterator[Nginx]:
    """Give nginx with the shipped file."""
    require_service("nginx", modules=["trustme"])
    server = Nginx(scratch / "nginx", certificate)
    server.configure(gunicorn.path, site.state / "portal-static")
    with server:
        yield server


class SignOn(ThreadingHTTPServer):
    """Says who a request is of by its cookie, as oauth2-proxy does."""

    daemon_threads = True

    class RequestHandlerClass(BaseHTTPRequestHandler):
        """401 without the cookie."""

        def do_GET(self) -> None:  # noqa: N802
            found = re.search(r"sso=([a-z@.]+)", self.headers.get("Cookie", ""))
            self.send_response(202 if found else 401)
            if found:
                self.send_header("X-Auth-Request-Preferred-Username", found[1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)


@pytest.fixture(scope="module")
def nginx_with_sign_on(
    scratch: Path, site: Site, gunicorn: Gunicorn, certificate: Certificate
) -> Iterator[Nginx]:
    """Give nginx with the shipped file, whose lines about single sign-on are in use."""
    require_service("nginx", modules=["trustme"])
    service = SignOn()
    threading.Thread(target=service.serve_forever, args=(0.02,), daemon=True).start()
    server = Nginx(scratch / "nginx-sso", certificate)
    server.configure(gunicorn.path, site.state / "portal-static", service.server_address[1])
    with server:
        yield server
    service.shutdown()
    service.server_close()


def test_nginx_finds_no_fault(nginx: Nginx, nginx_with_sign_on: Nginx) -> None:
    for server in (nginx, nginx_with_sign_on):
        done = subprocess.run(
            [*server.command(), "-t"], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr


def test_behind_nginx_who_the_service_names_is_logged_in(nginx_with_sign_on: Nginx) -> None:
    assert nginx_with_sign_on.whose({"Cookie": f"sso={MEMBER}"}) == "ann"


def test_behind_nginx_nobody_passes_by_the_service(nginx_with_sign_on: Nginx) -> None:
    for headers in FORGED:
        answer = nginx_with_sign_on.get("/secure/jobstats/", headers)
        assert answer.status == 401


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_behind_nginx_a_forged_name_changes_nothing_for_a_known_user(
    nginx_with_sign_on: Nginx, headers: "dict[str, str]"
) -> None:
    assert nginx_with_sign_on.whose({**headers, "Cookie": f"sso={MEMBER}"}) == "ann"
    answer = nginx_with_sign_on.get("/secure/notes/", {**headers, "Cookie": f"sso={MEMBER}"})
    assert answer.status == 403


# both proxies -----------------------------------------------------------


@pytest.fixture(scope="module")
def apache_proxy(
    scratch: Path, site: Site, gunicorn: Gunicorn, certificate: Certificate
) -> Iterator[Apache]:
    """Give Apache with portal-apache-proxy.conf, and the stand-in for OpenID Connect."""
    require_service("apache2", "openssl", modules=["trustme"])
    server = Apache(scratch / "apache-proxy", certificate)
    text = server.fill(
        (CONF / "portal-apache-proxy.conf").read_text(), site.state / "portal-static"
    )
    text = replaced(text, "/run/hpcusage-portal/portal.sock", str(gunicorn.path))
    text = re.sub(r"^ +(OIDC|Include ).*\n", "", text, flags=re.MULTILINE)
    variable = "OIDC_CLAIM_eduperson_scoped_affiliation"
    text = replaced(text, "AuthType openid-connect\n", stand_in(server.directory, variable))
    server.configure(text, "")
    with server:
        yield server


@pytest.fixture(scope="module", params=["nginx", "apache_proxy"])
def proxy(request: pytest.FixtureRequest) -> WebServer:
    """Give each of the two web servers before gunicorn."""
    server: WebServer = request.getfixturevalue(request.param)
    return server


def test_pages_come_over_tls_with_the_portal_s_own_headers(proxy: WebServer) -> None:
    answer = proxy.get("/")
    assert answer.status == 200
    assert "<html" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store, private"


def test_without_tls_one_is_led_to_the_same_page_with_it(proxy: WebServer) -> None:
    answer = proxy.get_plain("/secure/jobstats/?status=Running")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{HOST}/secure/jobstats/?status=Running"


def test_machines_are_told_that_it_is_well(proxy: WebServer) -> None:
    assert proxy.get("/health/").body == b"ok\n"
    answer = proxy.get("/watchman/")
    assert (answer.status, json.loads(answer.text)) == (
        200,
        {"databases": [{"default": {"ok": True}}]},
    )


def static_addresses(server: WebServer) -> "list[str]":
    """Return the addresses of static files on the first page."""
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', server.get("/").text)
    assert len(found) >= 3
    return found


def test_static_files_come_from_the_web_server_to_be_kept_for_good(
    proxy: WebServer, gunicorn: Gunicorn
) -> None:
    for address in static_addresses(proxy):
        answer = proxy.get(address, {"Accept-Encoding": "gzip"})
        assert answer.status == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Security-Policy" not in answer.headers  # which the portal's own have


def test_static_files_are_compressed_and_have_their_kinds(proxy: WebServer) -> None:
    kinds = {}
    for address in static_addresses(proxy):
        answer = proxy.get(address, {"Accept-Encoding": "gzip"})
        kinds[address.rpartition(".")[2]] = answer.headers["Content-Type"].partition(";")[0]
        if len(proxy.get(address).body) > 4096:
            assert answer.headers["Content-Encoding"] == "gzip", address
    assert kinds["css"] == "text/css"
    assert kinds["js"] in ("text/javascript", "application/javascript")


def test_static_files_without_a_digest_are_kept_for_an_hour(proxy: WebServer) -> None:
    answer = proxy.get("/static/portal/base.css")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_nothing_but_static_files_is_read_from_the_state_directory(proxy: WebServer) -> None:
    for path in ("/static/../portal.key", "/static/%2e%2e/portal.key", "/static../portal.key"):
        assert proxy.get(path).status in (400, 404), path
    assert proxy.get("/static/").status in (403, 404)


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_a_client_cannot_say_who_it_is(nginx: Nginx, headers: "dict[str, str]") -> None:
    assert nginx.whose(headers) == ""


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_behind_apache_a_client_cannot_say_who_it_is(
    apache_proxy: Apache, headers: "dict[str, str]"
) -> None:
    assert apache_proxy.get("/secure/jobstats/", headers).status == 401
    assert apache_proxy.whose({**headers, **basic(MEMBER)}) == "ann"
    assert apache_proxy.get("/secure/notes/", {**headers, **basic(MEMBER)}).status == 403
    # Outside of what Apache guards the portal sees no name at all.
    assert "portal_session" not in str(apache_proxy.get("/", headers).headers)


def test_behind_apache_who_it_names_is_logged_in_with_the_roles_it_says(
    apache_proxy: Apache,
) -> None:
    assert apache_proxy.whose(basic(MEMBER)) == "ann"
    assert apache_proxy.get("/secure/notes/", basic(MEMBER)).status == 403
    assert apache_proxy.whose(basic(STAFF)) == "dora"
    assert apache_proxy.get("/secure/notes/", basic(STAFF)).status == 200


def log_in(server: WebServer, name: str, password: str, **headers: str) -> Answer:
    """Fill in the form of the login and send it, as a browser does; return the answer."""
    form = server.get("/accounts/login/")
    secret = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert secret
    assert "Secure" in form.headers["Set-Cookie"]
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": form.headers["Set-Cookie"].partition(";")[0],
        "Origin": f"https://{HOST}:{server.port}",
    }
    body = f"csrfmiddlewaretoken={secret[1]}&username={name}&password={password}"
    return server.get("/accounts/login/", {**sent, **headers}, method="POST", body=body)


def test_one_logs_in_at_the_form(proxy: WebServer, token: str) -> None:
    answer = log_in(proxy, "carol", PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (302, "/")


def test_a_failed_login_is_held_against_the_address_that_the_web_server_saw(
    proxy: WebServer, site: Site, token: str
) -> None:
    name = f"mallory-{proxy.name}"
    assert log_in(proxy, name, "wrong", **{"X-Forwarded-For": "192.0.2.9"}).status == 200
    found = site.rows(f"SELECT address FROM records_failedlogin WHERE username = '{name}'")  # noqa: S608
    assert found == [("127.0.0.1",)]


def test_the_longest_script_comes_through(proxy: WebServer, site: Site, token: str) -> None:
    job = 4711 if proxy.name == "nginx" else 4712
    script = "\N{DNA DOUBLE HELIX}" * 100_000  # twelve bytes each
    answer = proxy.get(
        "/api/jobscripts/", {"Authorization": f"Token {token}", "Content-Type": "application/json"},
        method="POST", body=json.dumps({"id_job": job, "submit_script": script}),
    )  # fmt: skip
    assert answer.status == 201
    found = site.rows(f"SELECT length(submit_script) FROM records_jobscript WHERE id_job = {job}")  # noqa: S608
    assert found == [(100_000,)]


def test_what_the_web_server_says_at_the_socket_is_believed(gunicorn: Gunicorn) -> None:
    answer = gunicorn.ask("/secure/jobstats/", **{"X-Remote-User": MEMBER})
    assert answer.getheader("Location") == "/secure/jobstats/ann/"


# Apache with mod_wsgi ----------------------------------------------------


def wsgi_version() -> str:
    """Return the version of Python that Apache's mod_wsgi has, as 3.11, "" without it."""
    found = sorted(path.name.rpartition("-")[2] for path in APACHE_MODULES.glob("mod_wsgi.so-*"))
    return found[-1] if found else ""


def shibboleth_file(server: WebServer, site: Site) -> str:
    """Return portal-apache-shibboleth.conf with the paths, names and accounts of this test.

    Debian's mod_wsgi has the system's Python, which finds the libraries of this one by python-path.
    """
    text = server.fill(
        (CONF / "portal-apache-shibboleth.conf").read_text(), site.state / "portal-static"
    )
    package = "/opt/hpcusage/lib/python3.12/site-packages/userportal"
    text = replaced(text, package, str(CHECKOUT / "userportal"))
    libraries = f"{CHECKOUT}:{sysconfig.get_paths()['purelib']}"
    text = replaced(text, "python-home=/opt/hpcusage ", f"python-path={libraries} ")
    text = replaced(text, "home=/etc/hpcusage ", f"home={site.directory} ")
    account = WEB_ACCOUNT if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name
    return replaced(text, "user=hpcportal group=hpcportal", f"user={account} group={group}")


@pytest.fixture(scope="module")
def wsgi_site(scratch: Path) -> Site:
    """Give a portal for mod_wsgi, which belongs to the account of the web server."""
    require_service("apache2", "openssl", modules=["django", "trustme"])
    if wsgi_version() != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"mod_wsgi has Python {wsgi_version() or '(it is not installed)'}")
    return Site(scratch / "wsgi", f"methods = remote_user\nuser_suffixes = {DOMAIN}")


@pytest.fixture(scope="module")
def wsgi_token(wsgi_site: Site) -> str:
    """Give a token of an account of the staff, and hand all to the web server's account."""
    made = wsgi_site.add_staff("erin")
    wsgi_site.give_to(WEB_ACCOUNT)
    return made


@pytest.fixture(scope="module")
def apache_wsgi(
    scratch: Path, wsgi_site: Site, wsgi_token: str, certificate: Certificate
) -> Iterator[Apache]:
    """Give Apache with mod_wsgi, and the stand-in for Shibboleth."""
    server = Apache(scratch / "apache-wsgi", certificate)
    text = shibboleth_file(server, wsgi_site)
    text = replaced(
        text,
        "AuthType shibboleth\n    ShibRequestSetting requireSession 1\n    Require shib-session\n",
        stand_in(server.directory, "affiliation") + "Require valid-user\n",
    )
    text = replaced(text, "SetHandler shib\n", "SetHandler none\n")
    server.configure(text, "wsgi", f"WSGISocketPrefix {server.directory}/wsgi\n")
    with server:
        yield server


def test_remote_user_is_cut_at_the_at(apache_wsgi: Apache) -> None:
    assert apache_wsgi.whose(basic(MEMBER)) == "ann"
    assert apache_wsgi.get("/secure/notes/", basic(MEMBER)).status == 403


def test_an_affiliation_beside_remote_user_makes_staff(apache_wsgi: Apache) -> None:
    assert apache_wsgi.whose(basic(STAFF)) == "dora"
    assert apache_wsgi.get("/secure/notes/", basic(STAFF)).status == 200


def test_who_logged_in_below_secure_is_known_on_the_other_pages(apache_wsgi: Apache) -> None:
    cookies = apache_wsgi.get("/secure/jobstats/", basic(MEMBER)).headers.get_all("Set-Cookie")
    session = next(one for one in cookies if one.startswith("portal_session="))
    assert "Secure" in session
    assert "HttpOnly" in session
    page = apache_wsgi.get("/", {"Cookie": session.partition(";")[0]})
    assert page.status == 200
    assert '<span class="who">ann</span>' in page.text


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_under_mod_wsgi_a_client_cannot_say_who_it_is(
    apache_wsgi: Apache, headers: "dict[str, str]"
) -> None:
    assert apache_wsgi.get("/secure/jobstats/", headers).status == 401
    assert apache_wsgi.whose({**headers, **basic(MEMBER)}) == "ann"
    forged = {**headers, **basic(MEMBER), "affiliation": f"staff@{DOMAIN}"}
    assert apache_wsgi.get("/secure/notes/", forged).status == 403
    assert "portal_session" not in str(apache_wsgi.get("/", headers).headers)


def test_under_mod_wsgi_tokens_of_the_api_arrive(
    apache_wsgi: Apache, wsgi_site: Site, wsgi_token: str
) -> None:
    answer = apache_wsgi.get(
        "/api/jobscripts/",
        {"Authorization": f"Token {wsgi_token}", "Content-Type": "application/json"},
        method="POST", body=json.dumps({"id_job": 7, "submit_script": "#!/bin/sh\nhostname\n"}),
    )  # fmt: skip
    assert answer.status == 201
    assert wsgi_site.rows("SELECT id_job FROM records_jobscript") == [(7,)]
    assert apache_wsgi.get("/api/jobscripts/").status == 401


def test_under_mod_wsgi_pages_and_static_files_come_over_tls(apache_wsgi: Apache) -> None:
    assert apache_wsgi.get("/health/").body == b"ok\n"
    assert json.loads(apache_wsgi.get("/watchman/").text) == {
        "databases": [{"default": {"ok": True}}]
    }
    assert "default-src 'none'" in apache_wsgi.get("/").headers["Content-Security-Policy"]
    assert apache_wsgi.get_plain("/x").headers["Location"] == f"https://{HOST}/x"
    for address in static_addresses(apache_wsgi):
        answer = apache_wsgi.get(address)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address


# the real modules of single sign-on --------------------------------------


def needs_module(*names: str) -> None:
    """Skip where Apache has not all of some modules: they are not among what tests install."""
    missing = [name for name in names if not (APACHE_MODULES / f"mod_{name}.so").exists()]
    if missing:
        pytest.skip(f"Apache has no mod_{', mod_'.join(missing)}")


def test_apache_with_shibboleth_finds_no_fault_and_lets_nobody_in_without_it(
    scratch: Path, wsgi_site: Site, wsgi_token: str, certificate: Certificate
) -> None:
    needs_module("shib", "wsgi")
    server = Apache(scratch / "apache-shib", certificate)
    more = f"WSGISocketPrefix {server.directory}/wsgi\n"
    server.configure(shibboleth_file(server, wsgi_site), "wsgi shib", more)
    done = server.check()
    assert (done.returncode, done.stderr) == (0, "Syntax OK\n")
    with server:
        assert server.get("/").status == 200
        # shibd does not run, and mod_shib takes its time to find that out.
        assert server.get("/secure/jobstats/", FORGED[1]).status == 500


@pytest.fixture
def proxy_file(scratch: Path, site: Site, certificate: Certificate) -> "tuple[Apache, str]":
    """Give an Apache, not started, and portal-apache-proxy.conf for it."""
    require_service("apache2", modules=["trustme"])
    server = Apache(Path(tempfile.mkdtemp(dir=scratch)), certificate)
    static = site.state / "portal-static"
    return server, server.fill((CONF / "portal-apache-proxy.conf").read_text(), static)


def test_a_login_by_openid_connect_reaches_the_portal_with_its_roles(
    proxy_file: "tuple[Apache, str]", gunicorn: Gunicorn
) -> None:
    needs_module("auth_openidc")
    require_service(modules=["cryptography"])
    from tests.oidc_provider import OidcProvider

    server, text = proxy_file
    secrets = server.directory / "secrets"
    secrets.write_text("OIDCClientSecret one\nOIDCCryptoPassphrase another\n")
    with OidcProvider() as provider:
        for old, new in (
            ("/run/hpcusage-portal/portal.sock", str(gunicorn.path)),
            ("/etc/httpd/portal-oidc.secrets", str(secrets)),
            ("https://login.example.org/", f"{provider.url}/"),
            (f"https://{HOST}/secure/redirect_uri", f"https://{HOST}:{server.port}/secure/redirect_uri"),
        ):  # fmt: skip
            text = replaced(text, old, new)
        server.configure(text, "auth_openidc")
        done = server.check()
        assert (done.returncode, done.stderr) == (0, "Syntax OK\n")
        with server:
            for user, affiliations, status in (
                (MEMBER, ["member@example.org"], 403),
                (STAFF, ["member@example.org", "staff@example.org"], 200),
            ):
                cookie = openid_login(server, provider, user, affiliations)
                for headers in ({}, *FORGED):
                    sent = {**headers, "Cookie": cookie}
                    assert server.whose(sent) == user.partition("@")[0]
                    assert server.get("/secure/notes/", sent).status == status


def openid_login(server: Apache, provider: Any, user: str, affiliations: "list[str]") -> str:
    """Log in as a browser does that is sent to the provider; return the cookie of the session."""
    sent = server.get("/secure/jobstats/", {"Accept": "text/html", **FORGED[1]})
    assert sent.status == 302
    assert sent.headers["Location"].startswith(f"{provider.url}/authorize?")
    back = provider.login(
        sent.headers["Location"], sub=user, preferred_username=user, name="Ann Ash",
        eduperson_scoped_affiliation=affiliations,
    )  # fmt: skip
    path = back.partition(f":{server.port}")[2]
    cookie = sent.headers["Set-Cookie"].partition(";")[0]
    answer = server.get(path, {"Cookie": cookie})
    assert answer.status == 302, answer.text
    assert answer.headers["Location"].endswith("/secure/jobstats/")
    cookies = [one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie") or []]
    return next(one for one in cookies if one.startswith("mod_auth_openidc_session="))


def test_apache_with_saml_finds_no_fault(proxy_file: "tuple[Apache, str]") -> None:
    needs_module("auth_mellon")
    server, text = proxy_file
    before, line, rest = text.partition("  # OpenID Connect: mod_auth_openidc.\n")
    saml = rest.partition("  # SAML: mod_auth_mellon")[2].partition("\n")[2]
    assert line
    assert saml
    text = before + re.sub(r"^  #(?=\S|  )", "  ", saml, flags=re.MULTILINE)
    mellon = server.directory / "mellon"
    mellon.mkdir()
    for name in ("portal.key", "portal.cert", "portal.xml", "idp.xml"):
        (mellon / name).touch()
    server.configure(replaced(text, "/etc/httpd/mellon", str(mellon)), "auth_mellon")
    done = server.check()
    assert (done.returncode, done.stderr) == (0, "Syntax OK\n")
