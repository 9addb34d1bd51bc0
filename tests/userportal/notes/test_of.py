"""Which notes other pages show."""

import pytest

from tests.userportal.api.site import Site


@pytest.fixture
def notes(site: Site):
    """Notes about this and that, one of them deleted."""
    from django.utils import timezone

    from userportal.records.models import Note

    made: dict[str, dict] = {
        "job": {"job_id": 7},
        "user": {"username": "ann"},
        "both": {"job_id": 7, "username": "bob"},
        "account": {"account": "lab"},
        "gone": {"job_id": 7, "username": "ann", "account": "lab", "deleted_at": timezone.now()},
    }
    for title, about in made.items():
        Note.objects.create(title=title, notes="x", **about)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, []),
        ({"job_id": 7}, ["both", "job"]),
        ({"username": "ann"}, ["user"]),
        ({"job_id": 7, "username": "ann"}, ["both", "user", "job"]),
        ({"account": "lab"}, ["account"]),
        ({"account": "lab", "username": "eve", "job_id": 8}, ["account"]),
        ({"job_id": 0, "username": "", "account": None}, []),
        ({"username": "ann' OR 1"}, []),
    ],
    ids=str,
)
def test_notes_about_any_of_what_a_page_shows(notes, about, expected):
    from userportal.notes.of import notes_about

    assert [note.title for note in notes_about(**about)] == expected


def test_flags_of_many_names_at_once(notes):
    from userportal.notes import of

    assert of.jobs_with_notes(range(2000)) == {7}
    assert of.users_with_notes(["ann", "eve", "bob", "", None]) == {"ann", "bob"}
    assert of.users_with_notes(iter(["bob", "zoe"])) == {"bob"}
    assert of.users_with_notes([]) == set()


def test_many_flags_cost_few_queries(notes):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from userportal.notes import of

    with CaptureQueriesContext(
        connection,
    ) as asked:
        of.users_with_notes([f"user{number}" for number in range(1000)])
    assert len(asked) == 2


def test_the_part_of_a_page_shows_them_and_offers_a_new_one(notes, site):
    from django.template.loader import render_to_string
    from django.test import RequestFactory

    from userportal.notes.of import notes_about

    context = {"notes": notes_about(job_id=7), "username": "ann", "job_id": 7, "account": "a b"}
    request = RequestFactory().get("/secure/jobstats/ann/7/?x=1&y=2")
    page = render_to_string("notes/about.html", context, request)
    assert "Internal notes" in page and ">both</a>" in page
    link = (
        "/secure/notes/new/?username=ann&amp;account=a%20b&amp;job_id=7"
        "&amp;next=/secure/jobstats/ann/7/%3Fx%3D1%26y%3D2"
    )
    assert f'href="{link}"' in page
