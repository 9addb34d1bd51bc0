"""What staff can do with notes in the pages, and that nobody else sees them."""

import html
import re

import pytest

URL, NEW = "/secure/notes/", "/secure/notes/new/"


@pytest.fixture
def staff(site):
    """The staff's browser, on a cluster with a job that was queued twice."""
    site.add_jobs({"id_job": 7, "state": 7}, {"id_job": 7, "time_submit": 1_790_000_900})
    return site.client("sue")


def fields(**changed):
    """Return what the form of a new note sends."""
    return {"title": "Idle GPUs", "notes": "told ann", "ticket_id": "", "job_id": "",
            "username": "ann", "account": "", "send": "new", **changed}  # fmt: skip


def only_note():
    from userportal.records.models import Note

    return Note.objects.get()


def count():
    from userportal.records.models import Note

    return Note.objects.count()


def text_of(answer):
    return answer.content.decode()


def faults(answer):
    """Return the names of the fields with an error, __all__ for the form's own."""
    found = re.findall(
        r'<ul class="errorlist( nonfield)?"(?: id="id_(\w+)_error")?', text_of(answer)
    )
    return ["__all__" if is_form else name for is_form, name in found]


def value_of(answer, name):
    """Return the value of a field of the form, "" if it is empty."""
    [field] = re.findall(rf'<input [^>]*name="{name}"[^>]*>', text_of(answer))
    value = re.search(r'value="([^"]*)"', field)
    return html.unescape(value.group(1)) if value else ""


# writing


@pytest.mark.parametrize(
    "about",
    [{"username": "ann"}, {"username": "", "job_id": "7"}, {"username": "", "account": "lab"},
     {"username": "ann", "job_id": "7", "account": "lab"}],
    ids=str,
)  # fmt: skip
def test_a_note_is_stored_with_who_wrote_it(staff, about):
    answer = staff.post(NEW, fields(ticket_id="T-1", **about))
    assert (answer.status_code, answer["Location"]) == (302, URL)
    note = only_note()
    assert (note.title, note.notes, note.ticket_id) == ("Idle GPUs", "told ann", "T-1")
    expected = {"username": None, "job_id": None, "account": None}
    expected.update({name: value or None for name, value in about.items()})
    found = {"username": note.username, "account": note.account}
    found["job_id"] = str(note.job_id) if note.job_id else None
    assert found == expected
    assert note.created_by.username == "sue" and note.deleted_at is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"username": ""}, "__all__"),
        ({"title": ""}, "title"),
        ({"notes": " "}, "notes"),
        ({"title": "x" * 256}, "title"),
        ({"notes": "x" * 20_001}, "notes"),
        ({"title": "a\0b"}, "title"),
        ({"username": "nobody-here"}, "username"),
        ({"username": "../ann"}, "username"),
        ({"username": "Ann"}, "username"),
        ({"job_id": "8"}, "job_id"),
        ({"job_id": "0"}, "job_id"),
        ({"job_id": "4294967296"}, "job_id"),
        ({"job_id": "7_1"}, "job_id"),
        ({"job_id": "9" * 5000}, "job_id"),
        ({"account": "nothing"}, "account"),
        ({"account": "LAB"}, "account"),
        ({"account": "lab' OR '1"}, "account"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(staff, changed, field):
    answer = staff.post(NEW, fields(**changed))
    assert (answer.status_code, count()) == (200, 0)
    assert faults(answer) == [field]
    if "notes" not in changed:
        assert "told ann" in text_of(answer)


def test_a_database_that_is_away_costs_no_text(site, staff):
    (site.directory / "slurm.db").write_text("no database")
    answer = staff.post(NEW, fields(job_id="7"))
    assert (answer.status_code, count()) == (200, 0)
    assert "told ann" in text_of(answer) and "cannot be checked now" in text_of(answer)


def test_a_new_note_knows_what_it_is_about(staff):
    answer = staff.get(NEW, {"username": "ann", "account": "lab", "job_id": "7"})
    for name, value in (("username", "ann"), ("account", "lab"), ("job_id", "7")):
        assert re.search(rf'name="{name}" value="{value}"', text_of(answer)), name


def test_what_cannot_be_is_not_filled_in(staff):
    query = {"username": '"><script>', "account": "a b", "job_id": "7;x", "title": "x"}
    answer = staff.get(NEW, query)
    assert {value_of(answer, name) for name in query} == {""}


def test_only_new_is_done_at_the_address_for_new_ones(staff):
    assert staff.post(NEW, fields(send="delete")).status_code == 400
    assert count() == 0


# changing


@pytest.fixture
def note(staff):
    """A note about ann."""
    staff.post(NEW, fields())
    return only_note()


def test_a_note_is_changed_and_who_did_it_stands_there(site, note):
    other = site.users["max"]
    other.is_staff = True
    other.save()
    client = site.client("max")
    url = f"{URL}{note.pk}/"
    answer = client.post(url, fields(send="update", title="Busy GPUs"))
    assert (answer.status_code, answer["Location"]) == (302, URL)
    changed = only_note()
    assert (changed.title, changed.created_by.username) == ("Busy GPUs", "sue")
    assert changed.modified_at > note.modified_at and changed.created_at == note.created_at
    page = text_of(client.get(url))
    rows = re.findall(r"<td>(\w+)</td><td>(\w+)</td></tr>", page)
    assert rows == [("max", "Changed"), ("sue", "Written")]


def test_what_it_is_about_may_be_gone_meanwhile(site, staff, note):
    url = f"{URL}{note.pk}/"
    staff.post(url, fields(send="update", job_id="7"))
    site.make_slurm()
    answer = staff.post(url, fields(send="update", job_id="7", title="Kept"))
    assert (answer.status_code, only_note().title) == (302, "Kept")
    answer = staff.post(url, fields(send="update", job_id="8"))
    assert (answer.status_code, only_note().job_id) == (200, 7)


def test_what_somebody_else_has_changed_is_not_overwritten(staff, note):
    url = f"{URL}{note.pk}/"
    version = value_of(staff.get(url), "version")
    staff.post(url, fields(send="update", title="of another"))
    answer = staff.post(url, fields(send="update", title="mine", version=version))
    assert answer.status_code == 200 and "mine" in text_of(answer)
    assert only_note().title == "of another"


def test_a_deleted_note_stays_and_comes_back(staff, note):
    url = f"{URL}{note.pk}/"
    assert staff.post(url, {"send": "delete"}).status_code == 302
    assert only_note().deleted_at is not None
    assert "Idle GPUs" not in text_of(staff.get(URL, follow=True))
    assert "Idle GPUs" in text_of(staff.get(URL, {"deleted": "1"}))
    answer = staff.post(url, fields(send="update", title="x"))
    assert (answer.status_code, only_note().title) == (200, "Idle GPUs")
    moment = only_note().deleted_at
    staff.post(url, {"send": "delete"})
    assert only_note().deleted_at == moment
    assert staff.post(url, {"send": "undelete"}).status_code == 302
    assert only_note().deleted_at is None and only_note().title == "Idle GPUs"
    rows = re.findall(r"<td>(\w+)</td><td>(\w+)</td></tr>", text_of(staff.get(url)))
    assert [what for _who, what in rows] == ["Restored", "Deleted", "Written"]


def test_a_note_can_be_stored_as_a_new_one(staff, note):
    assert staff.post(f"{URL}{note.pk}/", fields(title="second")).status_code == 302
    from userportal.records.models import Note

    assert list(Note.objects.values_list("title", flat=True)) == ["second", "Idle GPUs"]


def test_what_is_not_known_is_not_done(staff, note):
    assert staff.post(f"{URL}{note.pk}/", fields(send="drop")).status_code == 400
    assert staff.put(f"{URL}{note.pk}/").status_code == 405
    assert staff.post(URL).status_code == 405
    assert staff.get(f"{URL}{note.pk + 1}/").status_code == 404
    assert staff.post(f"{URL}{note.pk + 1}/", {"send": "delete"}).status_code == 404
    assert staff.get(f"{URL}{'9' * 30}/").status_code == 404


# going on


@pytest.mark.parametrize("wanted", ["/secure/jobstats/ann/7/", "/", "/x?y=1"])
def test_the_form_leads_back_to_where_it_was_opened(staff, wanted):
    page = text_of(staff.get(NEW, {"next": wanted}))
    assert f'name="next" value="{wanted}"' in page
    assert staff.post(NEW, fields(next=wanted))["Location"] == wanted


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example.org/", "//evil.example.org", "/\\evil.example.org",
     "javascript:alert(1)", "http:evil", "home", "\x01//evil.example.org",
     " //evil.example.org", "///evil", "/" * 3000,
     "http://testserver@evil.example.org/"],
    ids=repr,
)  # fmt: skip
def test_nobody_is_led_out_of_the_portal(staff, note, wanted):
    page = text_of(staff.get(NEW, {"next": wanted}))
    assert f'="{wanted}' not in page and 'name="next" value=""' in page
    assert staff.post(NEW, fields(next=wanted))["Location"] == URL
    for send in ("update", "delete", "undelete"):
        answer = staff.post(f"{URL}{note.pk}/", fields(send=send, next=wanted))
        assert answer["Location"] == URL


# who


@pytest.mark.parametrize("path", ["", "new/", "{}/"])
@pytest.mark.parametrize("username", [None, "ann", "eve", "max"])
def test_nobody_but_staff_sees_or_changes_a_note(site, note, path, username):
    client, url = site.client(username), URL + path.format(note.pk)
    for answer in (client.get(url), client.post(url, fields(send="delete"))):
        assert answer.status_code == (403 if username else 302)
        assert "Idle" not in text_of(answer)
        if not username:
            assert answer["Location"].startswith("/accounts/login/?next=/secure/notes/")
    assert (count(), only_note().deleted_at) == (1, None)


def test_a_form_of_another_site_changes_nothing(site, note):
    client = site.client("sue", enforce_csrf_checks=True)
    assert client.post(f"{URL}{note.pk}/", {"send": "delete"}).status_code == 403
    assert only_note().deleted_at is None


def test_what_is_written_stays_text(staff):
    evil = '<script>alert("x")</script>{{ 7 }}'
    staff.post(NEW, fields(title=evil, notes=evil, ticket_id=evil))
    for url in (URL, f"{URL}{only_note().pk}/"):
        page = text_of(staff.get(url))
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


# the list


@pytest.fixture
def many(staff):
    """Sixty notes, the later ones changed later."""
    from userportal.records.models import Note

    for number in range(60):
        Note.objects.create(title=f"note {number:02}", notes=f"text{number}", username="ann",
                            job_id=number + 1000)  # fmt: skip


def titles(answer):
    return re.findall(r">(note \d\d)</a>", text_of(answer))


def test_the_list_has_pages_those_changed_last_first(staff, many):
    assert titles(staff.get(URL)) == [f"note {number:02}" for number in range(59, 9, -1)]
    assert titles(staff.get(URL, {"page": "2"})) == [f"note {n:02}" for n in range(9, -1, -1)]
    assert titles(staff.get(URL, {"page": "99"})) == titles(staff.get(URL, {"page": "2"}))
    assert len(titles(staff.get(URL, {"page": "x"}))) == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [("text7", ["note 07"]), ("1005", ["note 05"]), ("ann text59", ["note 59"]),
     ("TEXT10", ["note 10"]), ("nothing", []), ("%", []), ("_", []), ("' OR 1=1", []),
     ("text1\0", ["note 19", "note 18", "note 17", "note 16", "note 15", "note 14", "note 13",
                  "note 12", "note 11", "note 10", "note 01"])],
)  # fmt: skip
def test_every_word_is_looked_for_everywhere(staff, many, text, expected):
    assert titles(staff.get(URL, {"q": text})) == expected


def test_a_search_goes_on_over_pages(staff, many):
    page = text_of(staff.get(URL, {"q": "note&x", "deleted": "1"}))
    assert "No note has these words." in page and 'value="note&amp;x"' in page
    page = text_of(staff.get(URL, {"q": "note", "deleted": "1"}))
    assert 'href="?q=note&amp;deleted=1&amp;page=2"' in page
