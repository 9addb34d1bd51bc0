"""What stands around every page: the menu, the reader's zone, headers, and told failures."""

import re

import pytest
from django.test import RequestFactory

from tests.userportal.jobstats.few_jobs import ONE
from tests.userportal.jobstats.little import reader, served, write_site
from usagedb import errors
from userportal.web import failures, knowledge
from userportal.web.failures import ToldFailures


def menu_of(page):
    """Return {text: address} of the menu of a page."""
    menu = page[page.index('id="menu"') : page.index("<main")]
    return {
        re.sub(r"<[^>]*>", "", text).strip(): address
        for address, text in re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', menu, re.S)
    }


def test_the_menu_has_what_each_role_may_see(few):
    found = {
        name: set(menu_of(reader(name).html("accountstats/"))) for name in ("ann", "hal", "sam")
    }
    assert {"My jobs", "My accounts", "Storage"} <= found["ann"]
    assert not {"Search", "Top users", "Nodes", "Notes"} & found["ann"]
    assert {"Search", "Top users", "Nodes", "Scheduler", "Software"} <= found["hal"]
    assert found["sam"] - found["hal"] == {"Notes"}


def test_the_menu_leads_to_the_own_pages(few):
    assert menu_of(reader("ann").html("accountstats/"))["My jobs"] == "/secure/jobstats/ann/"


def test_modules_that_the_site_does_not_want_are_not_in_the_menu(few, tmp_path):
    reader("sam").html("accountstats/")  # the addresses of all parts are read once in a process
    path = write_site(tmp_path / "site", portal={"modules": "jobstats, accountstats"})
    with served(path):
        assert set(menu_of(reader("sam").html("accountstats/"))) == {"My jobs", "My accounts"}


def test_a_part_has_one_name_for_the_menu_and_for_its_pages(few, tmp_path):
    from userportal import urls

    path = write_site(tmp_path / "site", portal={"modules": "suite"})
    with served(path):
        assert [str(one.pattern) for one in urls.secure_urls()] == ["secure/suite/"]
        menu = menu_of(reader("hal").html("suite/modules/"))
    assert menu == {"Software": "/secure/suite/modules/"}


@pytest.mark.parametrize(
    ("cookie", "time"),
    [
        ("America/Toronto", "2023-11-14 17:00"),
        ("Asia/Kolkata", "2023-11-15 03:30"),
        ("", "2023-11-14 22:00"),
        ("No/Where", "2023-11-14 22:00"),
        ("America", "2023-11-14 22:00"),
        ("../../etc/passwd", "2023-11-14 22:00"),
        ("A" * 5000, "2023-11-14 22:00"),
    ],
)
def test_times_are_those_of_the_readers_zone(few, cookie, time):
    ann = reader("ann")
    ann.client.cookies["portal_zone"] = cookie
    assert f">{time}</time>" in ann.html(f"jobstats/ann/{ONE}/")


def test_every_answer_keeps_a_page_to_itself(few):
    for path in ("jobstats/ann/", f"jobstats/ann/{ONE}/graph/cpu.json", "jobstats/bob/", "x/"):
        headers = reader("ann").get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["Cache-Control"] == "no-store, private"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("error", "status", "is_told"),
    [
        (errors.UsageError("asked wrongly"), 400, True),
        (errors.UnavailableError("db1.example.org is away"), 503, False),
        (errors.RefusedError("db1.example.org refuses portal"), 503, False),
        (errors.ConfigurationError("/etc/hpcusage/x.conf: slip"), 503, False),
        (errors.MissingInputError("/srv/list is gone"), 503, False),
        (errors.UsageDBError("odd"), 500, False),
    ],
)
def test_expected_failures_are_told_and_their_places_are_for_staff(few, error, status, is_told):
    from django.contrib.auth.models import AnonymousUser

    request = RequestFactory().get("/secure/jobstats/ann/graph/cpu.json")
    request.user = AnonymousUser()
    answer = ToldFailures(None).process_exception(request, error)
    assert answer.status_code == status
    assert (str(error).encode() in answer.content) == is_told


def test_faults_of_the_program_are_no_expected_failures(few):
    request = RequestFactory().get("/")
    assert failures.ToldFailures(None).process_exception(request, KeyError("x")) is None


def test_the_sites_files_are_read_once(few):
    assert knowledge.gpu_models() is knowledge.gpu_models()
    assert knowledge.analysis_rules() is knowledge.analysis_rules()
