"""What /api/notes/ tells, and to whom."""

import datetime

import pytest

URL = "/api/notes/"
KEYS = ["id", "created_at", "modified_at", "deleted_at", "title", "notes", "ticket_id", "job_id",
        "username", "account"]  # fmt: skip


@pytest.fixture
def note(site):
    """A note about a user."""
    from userportal.records.models import Note

    return Note.objects.create(title="secret", notes="a\nb", username="ann")


def test_staff_read_notes(site, note):
    answer = site.client("sue", ["notes"]).get(URL)
    assert answer.status_code == 200
    [found] = answer.json()["results"]
    assert list(found) == KEYS
    assert (found["id"], found["title"], found["notes"]) == (note.pk, "secret", "a\nb")
    assert (found["username"], found["job_id"], found["deleted_at"]) == ("ann", None, None)
    assert site.client("sue").get(f"{URL}{note.pk}/").json() == found


def test_deleted_notes_say_so_in_utc_whatever_the_zone_of_the_reader(site, note):
    note.deleted_at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    note.save()
    client = site.client("sue")
    client.cookies["portal_zone"] = "America/Toronto"
    assert client.get(URL).json()["results"][0]["deleted_at"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("username", "scopes", "status"),
    [(None, (), 401), ("ann", (), 403), ("max", (), 403), ("max", ("notes",), 403),
     ("sue", ("jobs", "jobscripts"), 403)],
)  # fmt: skip
def test_nobody_else_does(site, note, username, scopes, status):
    for url in (URL, f"{URL}{note.pk}/"):
        answer = site.client(username, scopes).get(url)
        assert answer.status_code == status and b"secret" not in answer.content


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_notes_here(site, note, method):
    client = site.client("sue")
    for url in (URL, f"{URL}{note.pk}/"):
        assert getattr(client, method)(url).status_code == 405
