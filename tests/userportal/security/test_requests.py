"""Requests that were made to do harm: forged forms, foreign addresses, files, headers, floods."""

import io
import threading
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory, override_settings

from userportal.web.slots import ReaderSlots, Slots

FOREIGN = (
    "//evil.example/", "///evil.example", "https://evil.example/", "/\\evil.example",
    "\\\\evil.example", "javascript:alert(1)", "http:evil.example", "\t//evil.example",
)  # fmt: skip


def with_checks(portal, role):
    """Return a browser whose forms are checked as those of real browsers are."""
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = portal.client(role).cookies
    return browser


@pytest.mark.parametrize(
    "path", ["/secure/notes/new/", "/secure/notes/1/", "/accounts/tokens/", "/accounts/logout/",
             "/accounts/login/", "/i18n/setlang/", "/api/jobscripts/", "/admin/login/"],
)  # fmt: skip
def test_a_form_of_another_site_is_refused(portal, path):
    browser = with_checks(portal, "staff")

    response = browser.post(path, {"title": "x", "scope": "jobs", "send": "new"})

    assert response.status_code == 403


@pytest.mark.parametrize("wanted", FOREIGN)
def test_no_form_leads_to_another_site(portal, wanted):
    browser = portal.client("staff")
    note = {"title": "x", "notes": "x", "username": portal.name_of("user"), "next": wanted}

    noted = browser.post("/secure/notes/new/", note)
    chosen = browser.post("/i18n/setlang/", {"language": "fr", "next": wanted})
    again = browser.get("/accounts/login/", {"next": wanted})

    found = [answer.headers["Location"] for answer in (noted, chosen, again)]
    assert found == ["/secure/notes/", "/", "/"]


def test_a_line_break_in_an_address_begins_no_header(portal):
    note = {"title": "x", "notes": "x", "username": portal.name_of("user"),
            "next": "/x\r\nX-Evil: 1"}  # fmt: skip

    response = portal.client("staff").post("/secure/notes/new/", note)

    assert response.headers["Location"] == "/x%0D%0AX-Evil:%201"
    assert "X-Evil" not in response.headers


@pytest.mark.parametrize("size_bytes", [1000, 3 * 2**20])
def test_a_file_in_a_form_is_written_nowhere(portal, tmp_path, size_bytes):
    with override_settings(FILE_UPLOAD_TEMP_DIR=str(tmp_path / "not there")):
        response = Client().post(
            "/accounts/login/", {"file": SimpleUploadedFile("x", b"x" * size_bytes)}
        )

    assert response.status_code == 200
    assert list(tmp_path.iterdir()) == []


def answered(path, **variables):
    """Return the page that a web server gets for a path, with more variables beside it."""
    from userportal.wsgi import application

    environment = {"HTTP_HOST": "testserver", "wsgi.input": io.BytesIO(), **variables}
    setup_testing_defaults(environment)
    environment["PATH_INFO"] = path
    return b"".join(application(environment, lambda status, headers: None)).decode()


def test_no_header_moves_the_links_of_a_page(portal):
    page = answered("/accounts/login/", SCRIPT_NAME="/evil", HTTP_X_FORWARDED_HOST="evil.example",
                    HTTP_X_FORWARDED_PREFIX="/evil")  # fmt: skip

    assert "evil" not in page
    assert 'href="/accounts/login/' in page


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:1@evil"])
def test_another_name_of_the_host_gets_no_page(portal, host):
    assert Client().get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("name", ["X-Remote-User", "Remote-User", "X-Forwarded-User"])
def test_no_header_logs_anybody_in(portal, name):
    response = Client().get("/accounts/tokens/", headers={name: portal.name_of("staff")})

    assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    "path", ["/static/../settings.py", "/static/portal/../../settings.py", "/static//etc/passwd",
             "/static/portal/%2e%2e/%2e%2e/settings.py", "/static/..%2f..%2fportal.key"],
)  # fmt: skip
def test_static_addresses_lead_to_static_files_alone(portal, path):
    assert Client().get(path).status_code == 404


def test_pages_are_framed_and_kept_by_nobody(portal):
    headers = portal.client("user").get("/accounts/tokens/").headers

    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "no-store" in headers["Cache-Control"]


def test_a_token_says_what_it_is_for_in_plain_letters(portal):
    from userportal.records.models import Token

    portal.client("user").post("/accounts/tokens/", {"scope": "jobs", "description": "a\0\x1b[2Jb"})

    assert [one.description for one in Token.objects.all()] == ["a [2Jb"]


class Waiting:
    """A view that says when it has begun, and goes on when it may."""

    def __init__(self):
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()

    def __call__(self, request):
        self.begun.release()
        assert self.may_end.wait(60)
        return "made"


def request_of(user, path="/scheduler/graph/cpu.json"):
    """Return a request for something slow."""
    request = RequestFactory().get(path)
    request.user = user
    return request


def test_one_reader_cannot_take_all_threads(portal):
    from django.contrib.auth import get_user_model

    view = Waiting()
    slots, stranger = ReaderSlots(view, Slots(2)), AnonymousUser()
    threads = [threading.Thread(target=slots, args=[request_of(stranger)]) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        assert all(view.begun.acquire(timeout=60) for _ in threads)

        refused = slots(request_of(stranger))
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        slots.get_response = lambda request: "made"
        user = get_user_model().objects.get(username=portal.name_of("user"))
        assert slots(request_of(user)) == "made"
        assert slots(request_of(stranger, "/health/")) == "made"
    finally:
        view.may_end.set()
        for thread in threads:
            thread.join(60)
    assert slots(request_of(stranger)) == "made"


def test_a_view_that_fails_gives_its_slot_back(portal):
    def broken(request):
        raise ValueError

    slots = ReaderSlots(broken, Slots(1))
    for _ in range(3):
        with pytest.raises(ValueError):
            slots(request_of(AnonymousUser()))


def test_slots_are_given_to_readers_whose_names_are_known(portal):
    order = settings.MIDDLEWARE

    assert order.index("userportal.web.slots.ReaderSlots") > order.index(
        "userportal.access.single_sign_on.SingleSignOn"
    )
