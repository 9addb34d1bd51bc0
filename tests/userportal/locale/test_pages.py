"""Walk over all pages of the demo in French: none of the portal's texts is English there."""

import collections
import re

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from tests.userportal import django_site
from tests.userportal.every_page import filled, patterns
from tests.userportal.locale.texts import English, Page, texts_of_json

MOST_OF_A_VIEW = 4  # pages
LEFT_OUT = re.compile(r"/(admin|api|i18n|jsi18n|static)/|/logout/|favicon|\?page=")
LEAST_TEXTS, LEAST_VIEWS = 250, 45


def view_of(path):
    """Return the name of the view of an address, None if there is none."""
    try:
        return resolve(path.partition("?")[0]).view_name
    except Resolver404:
        return None


class Walk:
    """What a person's browser saw: {address: texts}, {address: language}, names of the views."""

    def __init__(self, client, language):
        self.client, self.language = client, language
        self.texts, self.languages, self.seen = {}, {}, collections.Counter()

    def go(self, first):
        """Look at some addresses, and from there at a few of each view."""
        waiting = collections.deque(first)
        while waiting:
            path = waiting.popleft().partition("#")[0]
            view = view_of(path)
            is_new = path.startswith("/") and path not in self.texts
            if is_new and not LEFT_OUT.search(path) and self.seen[view] < MOST_OF_A_VIEW:
                self.seen[view] += 1
                waiting.extend(self.look_at(path))
        return self

    def look_at(self, path):
        """Keep the texts of an address, and return where it leads."""
        answer = self.client.get(path, headers={"accept-language": self.language})
        kind = answer.headers.get("Content-Type", "")
        self.texts[path] = set()
        if answer.status_code in (301, 302):
            return [answer["Location"]]
        if "json" in kind:
            self.texts[path] = texts_of_json(answer.json())
        elif "html" in kind:
            page = Page(answer.content.decode())
            self.texts[path], self.languages[path] = page.texts, page.language
            return page.links
        return []


@pytest.fixture(scope="module")
def starts(demo_portal):
    """Addresses of all views without things in them, and of jobs in all states."""
    by_state = {job.state: job for job in demo_portal.jobs(role=None)}
    jobs = demo_portal.jobs(role=None)[:20]
    found = [
        f"/secure/jobstats/{demo_portal.owner(job)}/{job.job_id}/" for job in by_state.values()
    ]
    user = demo_portal.name_of("user")
    own = ",".join(str(job.job_id) for job in demo_portal.jobs()[:2])
    plain = [filled(route, {}) for route, _view in patterns() if "<" not in route]
    assert jobs
    return [
        f"/secure/jobstats/{user}/", f"/secure/jobstats/{user}/{own}/", f"/secure/quotas/{user}/",
        f"/secure/usersummary/{user}/", "/nowhere/", "/secure/search/?query=e",
        "/secure/search/?query=nobody-has-this", "/secure/notes/?q=nothing-has-this",
        *found, *plain,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def walks(demo_portal, starts):
    """The walks of a user, of staff and of nobody in particular, in French; one in English."""
    with django_site.undone():
        clients = {role: demo_portal.client(role) for role in (None, "user", "staff")}
        found = {role: Walk(client, "fr").go(starts) for role, client in clients.items()}
        return {**found, "english": Walk(clients["staff"], "en").go(starts)}


def english_texts(walk):
    """Return {text: an address where it stands} of the English texts that a walk met."""
    english = English()
    return {text: path for path, texts in walk.texts.items() for text in english.among(texts)}


@pytest.mark.parametrize("role", [None, "user", "staff"])
def test_no_page_and_no_graph_shows_an_english_text_of_the_portal(walks, role):
    assert english_texts(walks[role]) == {}


def test_the_walk_meets_the_texts_of_the_portal(walks):
    assert len(english_texts(walks["english"])) > LEAST_TEXTS
    assert len(walks["staff"].seen) > LEAST_VIEWS


@pytest.mark.parametrize("role", [None, "user", "staff"])
def test_every_page_says_that_it_is_french(walks, role):
    assert {path: one for path, one in walks[role].languages.items() if one != "fr"} == {}
    assert set(walks["english"].languages.values()) == {"en"}


def test_a_wrong_form_is_told_in_french(portal):
    client = portal.client("staff")
    texts = {}
    for path, values in (
        ("/secure/notes/new/", {"send": "new", "title": "", "notes": "", "username": "no-such"}),
        ("/accounts/login/", {"username": "nobody", "password": "wrong"}),
    ):
        sender = client if "notes" in path else Client()
        answer = sender.post(path, values, headers={"accept-language": "fr"})
        texts[path] = Page(answer.content.decode()).texts
        assert English().among(texts[path]) == set()
    assert "Aucun utilisateur ne porte ce nom." in texts["/secure/notes/new/"]
    assert "Ce champ est obligatoire." in texts["/secure/notes/new/"]
    assert "Ce nom et ce mot de passe ne vont pas ensemble." in texts["/accounts/login/"]


def test_errors_for_scripts_are_french(portal):
    answer = portal.client("user").get(
        f"/secure/jobstats/{portal.name_of('staff')}/graph/cpu.json",
        headers={"accept-language": "fr"},
    )
    assert answer.status_code == 403
    assert answer.json()["error"].startswith("Vous pouvez voir vos propres tâches")
