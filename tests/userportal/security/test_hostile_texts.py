"""What users write stays text: in pages, graphs, reports and answers of the API."""

import re
from html.parser import HTMLParser

import pytest

from tests.userportal.security import hostile

GRAPHS = ("cpu", "mem", "thread", "lustre_mdt", "lustre_ost", "ethernet_bdw", "disk_bdw", "power")
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")

UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)


class Elements(HTMLParser):
    """The elements of a page that run something, and the addresses that it leads to."""

    def __init__(self, page):
        super().__init__()
        self.running, self.addresses = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Take an element."""
        named = dict(attrs)
        has_handler = any(name.startswith("on") or name == "style" for name in named)
        if has_handler or tag in ("iframe", "object", "embed", "base"):
            self.running.append((tag, named))
        if tag == "script" and not (named.get("src") or "").startswith("/"):
            self.running.append((tag, named))
        self.addresses += [named[name] or "" for name in ("href", "src", "action") if name in named]


def pages_of(portal):
    """Return the addresses of all pages that show something of the user's jobs."""
    user, jobs = portal.name_of("user"), portal.written.jobs
    every = ",".join(map(str, jobs.values()))
    return [
        *(f"/secure/jobstats/{user}/{job}/" for job in jobs.values()),
        f"/secure/jobstats/{user}/{every}/", f"/secure/jobstats/{user}/",
        f"/secure/usersummary/{user}/", "/secure/accountstats/",
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["user", "staff"])
def test_nothing_that_a_user_wrote_becomes_an_element_of_a_page(hostile_portal, role):
    browser, paths = hostile_portal.client(role), pages_of(hostile_portal)

    for path in paths:
        response = browser.get(path)

        assert response.status_code == 200, path
        page = Elements(response.content.decode())
        assert page.running == [], path
        assert [one for one in page.addresses if not re.match(r"/(?!/)|#|\?", one)] == [], path


@pytest.mark.parametrize("role", ["user", "staff"])
def test_no_page_has_what_nobody_sees_or_what_turns_text_round(hostile_portal, role):
    browser = hostile_portal.client(role)

    for path in pages_of(hostile_portal):
        page = browser.get(path).content.decode()

        assert UNSEEN.findall(page) == [], path


def test_a_page_shows_in_which_places_the_unseen_characters_are(hostile_portal):
    user, job = hostile_portal.name_of("user"), hostile_portal.written.jobs["texts"]

    page = hostile_portal.client("user").get(f"/secure/jobstats/{user}/{job}/").content.decode()

    assert page.count(r"\u202egpj.exe\u2067\x1b[31m\x07") >= 2
    assert r"\u202egpj.exe\u2067\u001b[31m\u0007" in re.sub("<[^>]*>", "", page)  # the script


def test_a_page_says_what_the_user_wrote_and_computes_nothing_of_it(hostile_portal):
    user, job = hostile_portal.name_of("user"), hostile_portal.written.jobs["texts"]

    page = hostile_portal.client("user").get(f"/secure/jobstats/{user}/{job}/").content.decode()

    assert "&lt;img src=x onerror=window.taken=1&gt;" in page
    assert "{{7*7}}{% debug %}" in page


@pytest.mark.parametrize("kind", hostile.ROWS)
def test_the_report_of_any_job_disturbs_no_terminal(hostile_portal, kind):
    user, job = hostile_portal.name_of("user"), hostile_portal.written.jobs[kind]

    response = hostile_portal.client("user").get(f"/secure/jobstats/{user}/{job}/report.txt")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert CONTROLS.search(response.content.decode()) is None


@pytest.mark.parametrize("kind", hostile.ROWS)
@pytest.mark.parametrize("graph", GRAPHS)
def test_no_label_of_a_series_is_markup_in_a_graph(hostile_portal, kind, graph):
    user, job = hostile_portal.name_of("user"), hostile_portal.written.jobs[kind]

    response = hostile_portal.client("user").get(
        f"/secure/jobstats/{user}/{job}/graph/{graph}.json"
    )

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    figure = response.json()
    names = [trace.get("name", "") for trace in figure["data"]]
    assert [name for name in names if "<" in name or CONTROLS.search(name)] == []


def test_there_is_a_hostile_label_in_a_graph(hostile_portal):
    user, job = hostile_portal.name_of("user"), hostile_portal.written.jobs["texts"]
    path = f"/secure/jobstats/{user}/{job}/graph/thread.json"

    figure = hostile_portal.client("user").get(path).json()

    assert any("&lt;script&gt;" in trace["name"] for trace in figure["data"])


@pytest.mark.parametrize("query", ["", "?format=datatables&length=-1"])
def test_the_api_answers_with_json_that_no_browser_takes_for_a_page(hostile_portal, query):
    response = hostile_portal.client("user").get(f"/api/jobs/{query}")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_list_of_nodes_without_end_is_cut(hostile_portal):
    job = hostile_portal.written.jobs["many nodes"]

    nodes = hostile_portal.client("user").get(f"/api/jobs/{job}/").json()["nodes"]

    assert nodes == [f"n{number}" for number in range(1, 1001)]


@pytest.mark.parametrize("text", [hostile.MARKUP, '"><svg onload=alert(1)>', "javascript:alert(1)"])
@pytest.mark.parametrize(
    "path", ["/secure/search/?query=", "/secure/notes/?q=", "/secure/notes/new/?username=",
             "/accounts/login/?next=", "/nothing/here/"],
)  # fmt: skip
def test_what_an_address_says_comes_back_as_text(hostile_portal, path, text):
    from urllib.parse import quote

    role = None if path.startswith("/accounts") else "staff"
    response = hostile_portal.client(role).get(path + quote(text))

    page = Elements(response.content.decode())
    assert page.running == []
    assert [one for one in page.addresses if one.lower().startswith(("javascript", "http"))] == []


def test_a_note_is_text_whose_links_lead_to_the_web_alone(hostile_portal):
    from userportal.records.models import Note

    user = hostile_portal.name_of("user")
    text = f"{hostile.MARKUP} javascript:alert(1) https://example.org/"
    Note.objects.create(title=hostile.TEXT, username=user, ticket_id=hostile.MARKUP, notes=text)

    for path in (f"/secure/jobstats/{user}/", "/secure/notes/"):
        page = Elements(hostile_portal.client("staff").get(path).content.decode())

        assert page.running == []
        assert [one for one in page.addresses if one.startswith("javascript")] == []
