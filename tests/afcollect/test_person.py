"""A person in the outbox is exported, renamed and removed; others' documents stay."""

import json

import pytest

from afcollect.outbox import Outbox
from afcollect.person import PERSON
from tests.conftest import run_command
from usagedb.dialects.sqlite import SQLiteDialect
from usagedb.naming import Renaming
from usagedb.person import Change, Places

DOCUMENTS = [
    {"kind": "ssh", "cluster": "c", "ssh_user_count": 2, "users": ["ann", "bert"]},
    {"kind": "condorjob", "cluster": "c", "users": "ann", "Id": 1},
    {"kind": "condorjob", "cluster": "c", "users": "anna", "Id": 2},
]
TOLD = "what was sent before is where it was sent"


@pytest.fixture
def outbox(tmp_path):
    """The directory of an outbox with some documents."""
    box = Outbox(tmp_path / "outbox")
    box.add(DOCUMENTS, 1_767_225_600.0, {"login_node": "n"})
    box.close()
    return tmp_path / "outbox"


def person(outbox, *words):
    """Run usage_person on an outbox; return the CompletedProcess."""
    done = run_command("usage_person", *words, "--schema", "outbox", "--state-dir", outbox)
    assert done.returncode == 0, done.stderr
    return done


def waiting(outbox):
    """Return the documents that wait."""
    box = Outbox(outbox)
    rows = box.database.rows("SELECT body FROM afmetrics_document ORDER BY number")
    box.close()
    return [json.loads(row[0]) for row in rows]


def test_the_documents_about_a_person_are_exported(outbox):
    done = person(outbox, "export", "ann")
    rows = json.loads(done.stdout)["outbox"]["afmetrics_document"]
    assert [row["document"] for row in rows] == DOCUMENTS[:2] and done.stderr == ""
    assert rows[0]["collected_at"] == "2026-01-01T00:00:00Z"


def test_a_person_is_erased_from_what_waits(outbox):
    before = waiting(outbox)
    person(outbox, "erase", "ann", "--dry-run")
    assert waiting(outbox) == before
    done = person(outbox, "erase", "ann", "--yes", "--format", "json")
    assert TOLD in done.stderr
    assert [(row["action"], row["rows"]) for row in json.loads(done.stdout)] == [
        ("changed", 1), ("removed", 1)
    ]  # fmt: skip
    assert waiting(outbox) == [
        {**DOCUMENTS[0], "users": ["bert"], "ssh_user_count": 1},
        DOCUMENTS[2],
    ]


def test_a_person_is_renamed_in_what_waits(outbox):
    person(outbox, "pseudonymise", "ann", "--as", "x", "--yes")
    assert [one["users"] for one in waiting(outbox)] == [["x", "bert"], "x", "anna"]


def test_what_is_erased_is_overwritten_in_the_file(outbox, monkeypatch):
    plain = SQLiteDialect.connect

    def careless(self, config):  # as SQLite is built, but by some distributions
        connection = plain(self, config)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    monkeypatch.setattr(SQLiteDialect, "connect", careless)
    with PERSON.opened(Places(outbox_directory=outbox, to_write=True)) as database:
        PERSON.change(database, Change(Renaming("ann", "erased"), erases=True))
    left = b"".join(path.read_bytes() for path in outbox.iterdir() if path.is_file())
    assert b'"anna"' in left and b'"ann"' not in left


def test_without_an_outbox_nothing_is_made(tmp_path):
    done = person(tmp_path / "none", "erase", "ann", "--yes")
    assert (done.stdout, done.stderr) == ("", "") and not (tmp_path / "none").exists()
