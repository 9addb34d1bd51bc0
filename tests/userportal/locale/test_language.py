"""The language of a reader: how it is chosen and kept, its numbers, its figures in findings."""

import re

import pytest
from django.utils import translation

from tests.userportal.locale.texts import Page
from userportal.analysis.findings import Finding
from userportal.web import formats
from userportal.web.finding_words import words_of

NARROW, NO_BREAK = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"


def page(client, path="/", **headers):
    """Return the Page at an address."""
    return Page(client.get(path, headers=headers).content.decode())


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("fr", "fr"), ("fr-CA,fr;q=0.9,en;q=0.5", "fr"), ("en,fr;q=0.9", "en"),
        ("de,fr;q=0.5", "fr"), ("de", "en"), ("", "en"), ("x" * 5000, "en"),
    ],
)  # fmt: skip
def test_a_page_has_the_language_that_the_browser_asks_for(portal, asked, language):
    assert page(portal.client(), **{"accept-language": asked}).language == language


def test_who_chooses_french_stays_on_the_page_and_keeps_it(portal):
    client = portal.client("staff")
    path = f"/secure/jobstats/{portal.name_of('user')}/?status=RUNNING&page=2"
    answer = client.post("/i18n/setlang/", {"language": "fr", "next": path})
    assert (answer.status_code, answer["Location"]) == (302, path)
    cookie = client.cookies["django_language"]
    assert (cookie.value, cookie["path"]) == ("fr", "/")
    shown = page(client, path, **{"accept-language": "en"})
    assert shown.language == "fr"
    assert f"Tâches de {portal.name_of('user')}" in shown.texts
    client.post("/i18n/setlang/", {"language": "en", "next": path})
    assert page(client, path, **{"accept-language": "fr"}).language == "en"


def test_the_form_of_the_languages_leads_back_to_the_page_with_its_query(portal):
    path = f"/secure/jobstats/{portal.name_of('user')}/?status=RUNNING"
    html = portal.client("user").get(path).content.decode()
    form = re.search(r'<form action="/i18n/setlang/" method="post">(.*?)</form>', html, re.DOTALL)
    assert f'name="next" value="{path}"' in form[1]
    assert 'value="fr" lang="fr" aria-pressed="false">français' in form[1]


def test_choosing_a_language_leads_nowhere_else(portal):
    for address in ("https://elsewhere.example.org/", "//elsewhere.example.org/"):
        answer = portal.client().post("/i18n/setlang/", {"language": "fr", "next": address})
        assert answer["Location"] == "/"


def test_a_language_that_there_is_not_is_not_kept(portal):
    client = portal.client()
    client.post("/i18n/setlang/", {"language": "xx", "next": "/"})
    assert page(client).language == "en"


def test_scripts_get_their_texts_in_the_language_of_the_page(portal):
    client = portal.client()
    french = client.get("/jsi18n/", headers={"accept-language": "fr"}).content.decode()
    english = client.get("/jsi18n/", headers={"accept-language": "en"}).content.decode()
    assert '"Zoom in": "Zoom avant"' in french
    assert "Zoom avant" not in english


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 tâche en exécution"), (1, "1 tâche en exécution"), (2, "2 tâches en exécution")],
)
def test_plural_forms_are_those_of_french(count, expected):
    with translation.override("fr"):
        text = translation.ngettext("%(count)s running job", "%(count)s running jobs", count)
        assert text % {"count": count} == expected


def test_numbers_are_written_as_in_french():
    with translation.override("fr"):
        assert formats.number_text(1234567) == f"1{NO_BREAK}234{NO_BREAK}567"
        assert formats.number_text(12.34) == "12,3"
        assert formats.percent_text(4.25) == f"4,2{NARROW}%"
        assert formats.bytes_text(1.5 * 2**30) == f"1,50{NARROW}Gio"
        assert formats.duration_text(2 * 86400 + 3723) == "2 j 01:02:03"


def test_moments_are_the_same_in_all_languages(portal):
    job = portal.jobs(lambda one: one.start and one.end)[0]
    path = f"/secure/jobstats/{portal.name_of('user')}/{job.job_id}/"
    times = [
        re.findall(r"<time[^>]*>[^<]*", portal.client("user").get(path, headers={
            "accept-language": language}).content.decode())
        for language in ("en", "fr")
    ]  # fmt: skip
    assert times[0] == times[1]
    assert all(re.search(r">\d{4}-\d\d-\d\d \d\d:\d\d$", time) for time in times[1])


def finding(message, **values):
    """Return a Finding."""
    return Finding("a-rule", "info", message, values)


def test_figures_of_a_finding_are_written_as_in_french():
    low = finding("The CPU efficiency is {cpu_efficiency}. From {cpu_somewhat_low} on it would be "
                  "good.", cpu_efficiency="0.12%", cpu_somewhat_low="80%")  # fmt: skip
    memory = finding(
        "Less than {memory_little} of the memory is used: {memory_used_bytes} of "
        "{memory_given_bytes}. Ask for less, and the job may begin earlier.",
        memory_little="10%", memory_used_bytes="1.5 GiB", memory_given_bytes="800 GiB",
    )  # fmt: skip
    with translation.override("fr"):
        assert words_of(low) == (
            f"L’efficacité CPU est de 0,12{NARROW}%. À partir de 80{NARROW}%, elle serait bonne."
        )
        assert f"utilisée{NO_BREAK}: 1,5{NARROW}Gio sur 800{NARROW}Gio." in words_of(memory)
    with translation.override("en"):
        assert words_of(memory) == memory.text


def test_names_in_a_finding_stay_as_they_are():
    told = finding("{name} {partition} {other}", name="1.5", partition="2.5%", other="a 1.5 GiB")
    with translation.override("fr"):
        assert words_of(told) == "1.5 2.5% a 1.5 GiB"


def test_a_rule_of_the_site_is_told_in_its_own_words():
    told = finding("A rule of the site: {cpu_efficiency}.", cpu_efficiency="12.5%")
    with translation.override("fr"):
        assert words_of(told) == f"A rule of the site: 12,5{NARROW}%."
