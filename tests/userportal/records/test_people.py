"""What the portal keeps about a person is exported, renamed and removed, and nothing else."""

import datetime
import json

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.utils import timezone

from tests.conftest import run_command
from usagedb.naming import Renaming
from usagedb.person import Change
from usagedb.retention import PurgeOptions
from userportal.access.tokens import make_token
from userportal.records import old_rows, people
from userportal.records.models import FailedLogin, JobScript, Note, Token


@pytest.fixture
def filled(portal):
    """The demo's portal with rows about a user of it; the user's name."""
    name, staff = portal.name_of("user"), portal.name_of("staff")
    portal.client("user")
    portal.client("staff")
    user = get_user_model().objects.get(username=name)
    user.email = f"{name}@example.org"
    user.save()
    make_token(user, description="mine")
    writer = get_user_model().objects.get(username=staff)
    Note.objects.all().delete()
    about = Note.objects.create(title=f"{name} asks", notes="x", username=name, created_by=writer)
    Note.objects.create(title="other", notes=f"see /home/{name}/x", username="q", created_by=writer)
    Note.objects.create(title="by", notes="y", created_by=user)
    LogEntry.objects.create(
        user=user, object_repr="by", action_flag=ADDITION, change_message="", object_id=about.pk
    )
    FailedLogin.objects.create(username=name, address="192.0.2.1")
    JobScript.objects.all().delete()
    mine = portal.jobs()[0].job_id
    other = portal.jobs(lambda job: portal.owner(job) != name, role=None)[0].job_id
    JobScript.objects.create(id_job=mine, submit_script=f"cd /scratch/{name}; {name}")
    JobScript.objects.create(id_job=other, submit_script=f"cd /scratch/{name}; {name}")
    portal.mine, portal.other = mine, other
    return portal


def test_everything_of_a_person_is_exported(filled):
    name = filled.name_of("user")
    found = {}
    for table, row in people.export(Renaming(name)):
        found.setdefault(table, []).append(row)
    assert found["auth_user"][0]["email"] == f"{name}@example.org"
    assert [row["description"] for row in found["records_token"]] == ["mine"]
    assert "digest" not in found["records_token"][0]
    assert len(found["django_session"]) == 1 and len(found["records_failedlogin"]) == 1
    assert {row["title"] for row in found["records_note"]} == {f"{name} asks", "other", "by"}
    assert [row["id_job"] for row in found["records_jobscript"]] == [filled.mine]
    json.dumps(found)


def test_an_erased_person_is_gone_and_others_are_not(filled):
    name = filled.name_of("user")
    change = Change(Renaming(name, "erased"), erases=True, dry_run=True)
    people.change(change)
    would = change.counts
    assert get_user_model().objects.filter(username=name).exists()
    change = Change(Renaming(name, "erased"), erases=True)
    people.change(change)
    assert change.counts == would
    assert would["records_jobscript", "removed"] == 1
    assert list(people.export(Renaming(name))) == []
    assert JobScript.objects.get().submit_script == f"cd /scratch/erased; {name}"
    assert {note.title: note.created_by_id for note in Note.objects.all()}["by"] is None
    assert Note.objects.count() == 2 and Token.objects.count() == 0 and Session.objects.count() == 1


def test_a_renamed_person_cannot_log_in_and_keeps_the_notes(filled):
    name = filled.name_of("user")
    people.change(Change(Renaming(name, "anon-1"), erases=False))
    # Whose the script is Slurm's own tables say, as before.
    assert [table for table, _row in people.export(Renaming(name))] == ["records_jobscript"]
    user = get_user_model().objects.get(username="anon-1")
    assert (user.is_active, user.has_usable_password(), user.email) == (False, False, "")
    assert Note.objects.get(title="by").created_by == user
    assert Note.objects.get(username="anon-1").title == "anon-1 asks"
    scripts = dict(JobScript.objects.values_list("id_job", "submit_script"))
    assert scripts[filled.mine] == "cd /scratch/anon-1; anon-1"


def test_secrets_are_not_stored_in_scripts_and_not_shown(filled):
    from userportal.api.jobscripts import JobScriptSerializer

    one = JobScriptSerializer(data={"id_job": 7, "submit_script": "export MY_TOKEN=Zx9\n./run"})
    assert one.is_valid()
    assert one.save().submit_script == "export MY_TOKEN=***\n./run"
    again = JobScriptSerializer(data={"id_job": 7, "submit_script": "export MY_TOKEN=Zx9\n./run"})
    assert not again.is_valid() and "already exists" in str(again.errors)


def test_every_table_of_the_portal_is_deleted_from_or_says_why_not():
    tables = {
        table for model in apps.get_models(include_auto_created=True)
        for table in [model._meta.db_table]
    }  # fmt: skip
    deleted = {model._meta.db_table for model, _field in old_rows.OLD_BY}
    assert tables == deleted | set(old_rows.KEPT) and not deleted & set(old_rows.KEPT)


def test_old_rows_are_deleted_and_others_stay(filled):
    long_ago = timezone.now() - datetime.timedelta(days=400)
    JobScript.objects.filter(pk=filled.mine).update(last_modified=long_ago)
    Note.objects.filter(title="by").update(deleted_at=long_ago)
    Note.objects.filter(title="other").update(modified_at=long_ago)
    Session.objects.update(expire_date=long_ago)
    end = int(f"{timezone.now() - datetime.timedelta(days=30):%Y%m%d}")
    options = PurgeOptions(19700101, end, dry_run=True)
    would = old_rows.purge(options, print).tables
    assert dict(would) == {"records_jobscript": 1, "records_note": 1, "django_session": 2}
    assert JobScript.objects.count() == 2
    old_rows.purge(PurgeOptions(19700101, end), lambda line: None)
    assert [one.pk for one in JobScript.objects.all()] == [filled.other]
    assert set(Note.objects.values_list("title", flat=True)) >= {"other"}
    assert Session.objects.count() == 0


def test_the_commands_find_the_portal_of_a_configuration(tmp_path):
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\nstate = {tmp_path / 'state'}\n")
    words = ("--schema", "portal", "--portal", conf)
    done = run_command("usage_person", "export", "ann", *words)
    assert (done.returncode, done.stdout) == (0, "{}\n")
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "portal.db").touch(mode=0o600)  # made, and never migrated
    done = run_command("usage_person", "export", "ann", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{}\n", "")
    assert run_command("userportal", "--conf", conf, "migrate", "-v", "0").returncode == 0
    environment = {"DJANGO_SUPERUSER_PASSWORD": "a-long-Pass-Phrase-7"}
    import os

    made = run_command(
        "userportal", "--conf", conf, "createsuperuser", "--noinput", "--username", "ann",
        "--email", "ann@example.org", env={**os.environ, **environment},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    done = run_command("usage_person", "export", "ann", *words)
    assert json.loads(done.stdout)["portal"]["auth_user"][0]["username"] == "ann"
    done = run_command("usage_person", "erase", "ann", "--yes", "--format", "json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [
        {"data": "portal", "table": "auth_user", "action": "removed", "rows": 1}
    ]
    done = run_command("delete_old_records", "--end", "2999-01-01", "--yes", *words)
    assert (done.returncode, done.stderr) == (0, "")
