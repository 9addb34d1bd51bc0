"""Each address of the portal, for each kind of reader: what one may see, and nothing else."""

import re

import pytest
from django.urls import reverse

from tests.userportal.every_page import filled, patterns

GUARDS = ("everybody", "user", "owner", "account", "project", "helper", "staff", "api")
# Which guards let whom in; `stranger` is a user whom the data do not belong to.
ALLOWED = {
    None: {"everybody"},
    "stranger": {"everybody", "user"},
    "user": {"everybody", "user", "owner", "account", "project"},
    "helper": {"everybody", "user", "owner", "account", "project", "helper"},
    "staff": {"everybody", "user", "owner", "account", "project", "helper", "staff"},
}
# Addresses with other rules, which their own tests look at.
ELSEWHERE = re.compile(r"api/|accounts/|i18n/|format")


def guard_of(view):
    """Return the name of a view's guard, None if it has none."""
    return getattr(view, "guard", None)


def test_every_view_has_a_guard():
    missing = [
        route
        for route, view in patterns()
        if guard_of(view) is None and not ELSEWHERE.search(route)
    ]
    assert missing == []


@pytest.fixture(scope="module")
def arguments(demo_portal):
    """What stands in the addresses: things of the demo's user."""
    from userportal.access.memberships import allocations, projects_of

    user = demo_portal.name_of("user")
    job = demo_portal.jobs(lambda one: one.start and one.end and one.end - one.start > 3600)[0]
    return {
        "username": user, "job_id": job.job_id, "account": allocations().accounts_of(user)[0],
        "project": next(iter(projects_of(user)), "nobody-cloud"), "node": job.nodes[0],
        "graph": "cpu", "kind": "home", "name": user, "unit": "bytes", "pk": 1, "note_id": 1,
        "number": 1, "uuid": "00000000-0000-0000-0000-000000000000", "month": 1,
    }  # fmt: skip


def stranger_of(portal, arguments):
    """Return a user who shares no account and no project with the demo's user."""
    from userportal.access.memberships import allocations, projects_of
    from userportal.people import people_for

    def things_of(name):
        return {*allocations().accounts_of(name), *projects_of(name)}

    own = things_of(arguments["username"])
    people = people_for(portal.configuration).search("e", 50)
    names = [one.username for one in people]
    return next(name for name in names if not own & things_of(name))


@pytest.fixture
def browsers(portal, arguments):
    """{reader: browser} of each kind of reader."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    name = stranger_of(portal, arguments)
    stranger = Client(raise_request_exception=False)
    user, _is_new = get_user_model().objects.get_or_create(username=name)
    stranger.force_login(user, "userportal.access.password_login.PasswordBackend")
    found = {role: portal.client(role) for role in (None, "user", "helper", "staff")}
    return {**found, "stranger": stranger}


def asked(route, arguments):
    """Return the path to ask for."""
    values = dict(arguments)
    if "pages" in route or route.startswith(("logins", "dtns", "filesystems")):
        values["name"] = {"l": "login1", "d": "dtn1", "f": "scratch"}[route[0]]
        values["graph"] = {"l": "cpu", "d": "network", "f": "metadata"}[route[0]]
    if "top/" in route:
        values.update(name="scratch", graph="metadata")
    if "slurm/graph/" in route:
        values["graph"] = "run"
    if route.startswith("software"):
        values["graph"] = "software"
    return filled(route, values)


def test_each_address_lets_in_who_may_see_it_and_nobody_else(browsers, arguments):
    wrong = []
    looked_at = 0
    for route, view in patterns():
        guard = guard_of(view)
        if ELSEWHERE.search(route) or guard not in GUARDS:
            continue
        path = asked(route, arguments)
        for reader, browser in browsers.items():
            looked_at += 1
            answer = browser.get(path)
            if guard not in ALLOWED[reader]:
                expected = 403 if reader else 302
                if answer.status_code != expected:
                    wrong.append((path, reader, guard, answer.status_code))
                elif not reader and not answer["Location"].startswith(reverse("login")):
                    wrong.append((path, reader, guard, answer["Location"]))
            elif answer.status_code not in (200, 302, 404) or (
                answer.status_code == 302 and "login" in answer["Location"]
            ):
                wrong.append((path, reader, guard, answer.status_code))
    assert wrong == []
    assert looked_at > 200


def test_pages_of_a_user_answer_with_200(browsers, arguments):
    shown = [
        "/", "/filesystems/", "/logins/", "/dtns/", "/scheduler/", "/software/",
        f"/secure/jobstats/{arguments['username']}/",
        f"/secure/jobstats/{arguments['username']}/{arguments['job_id']}/",
        f"/secure/accountstats/{arguments['account']}/", "/secure/accountstats/",
        f"/secure/quotas/{arguments['username']}/", "/secure/cloudstats/",
        f"/secure/usersummary/{arguments['username']}/",
    ]  # fmt: skip
    assert [(path, browsers["user"].get(path).status_code) for path in shown] == [
        (path, 200) for path in shown
    ]


def test_the_job_of_another_is_not_shown_under_the_own_name(browsers, portal, arguments):
    (own,) = portal.jobs(lambda job: job.job_id == arguments["job_id"], role=None)
    other = portal.jobs(
        lambda job: portal.owner(job) != arguments["username"] and job.name not in own.name,
        role=None,
    )[0]
    path = f"/secure/jobstats/{arguments['username']}/{other.job_id}/"
    for ending in ("", "graph/cpu.json", "value/cost.json", "report.txt"):
        assert browsers["user"].get(path + ending).status_code == 404
    both = f"/secure/jobstats/{arguments['username']}/{arguments['job_id']},{other.job_id}/"
    html = browsers["user"].get(both).content.decode()
    assert str(arguments["job_id"]) in html
    assert f">{other.job_id}<" not in html and other.name not in html
    suite = f"/secure/suite/{arguments['username']}/{other.job_id}/"
    assert browsers["user"].get(suite + "timeline.json").status_code == 404
    assert browsers["user"].get(suite + "processes.html").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/secure/jobstats/../", "/secure/jobstats/a%0d%0ab/",
        "/secure/jobstats/{user}/1-9999999999/",
        "/secure/jobstats/{user}/0/", "/secure/jobstats/{user}/{job}/graph/nothing.json",
        "/secure/nodes/a%22%7D%20or%20up/", "/secure/accountstats/x%22,user=~%22.*/",
        "/secure/jobstats/{user}/" + ",".join(["1"] * 200) + "/",
        "/secure/jobstats/{user}/99999999999999999999/",
    ],
)  # fmt: skip
def test_hostile_addresses_are_not_found(browsers, arguments, path):
    shown = path.format(user=arguments["username"], job=arguments["job_id"])
    assert browsers["staff"].get(shown).status_code in (404, 400)


@pytest.mark.parametrize(
    "query", ["start=x", "start=-1&end=-5", "delta=1e9", "start=9" * 30, "delta=%00", "end=nan"]
)
def test_hostile_windows_draw_the_usual_one(browsers, arguments, query):
    path = f"/secure/jobstats/{arguments['username']}/graph/cpu.json"
    assert browsers["user"].get(f"{path}?{query}").status_code == 200
    job = f"/secure/jobstats/{arguments['username']}/{arguments['job_id']}/graph/cpu.json"
    assert browsers["user"].get(f"{job}?{query}").status_code == 200


def test_answers_keep_the_security_headers(browsers, arguments):
    for path in ("/", f"/secure/jobstats/{arguments['username']}/", "/nowhere/"):
        headers = browsers["user"].get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store, private"


def test_pages_hold_no_inline_script_and_no_address_of_elsewhere(browsers, arguments):
    user, job = arguments["username"], arguments["job_id"]
    for path in ("/", f"/secure/jobstats/{user}/", f"/secure/jobstats/{user}/{job}/"):
        html = browsers["staff"].get(path).content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", html)
        for address in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert address.startswith(("/", "#", "?")) or "example.org" in address, address
