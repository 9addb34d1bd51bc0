"""What the portal keeps about a person is exported, renamed and removed, and nothing else."""

import datetime
import json
import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from tests.conftest import run_command
from usagedb.naming import Renaming
from usagedb.person import Change
from usagedb.retention import PurgeOptions
from userportal.access.tokens import make_token
from userportal.notes.changes import write_down
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


@pytest.mark.parametrize("same", ["alias", "upper"])
def test_jobs_under_another_name_of_the_person_are_theirs(filled, monkeypatch, same):
    """Slurm may write a name in another way, or know one that the directory has beside it."""
    name, users = filled.name_of("user"), people.users_in_slurm
    other = "an-alias" if same == "alias" else name.upper()
    number = people.uid_of(name)

    def renamed(job_ids):
        return {
            job: {(other if user == name else user, uid) for user, uid in found}
            for job, found in users(job_ids).items()
        }

    monkeypatch.setattr(people, "users_in_slurm", renamed)
    uid_of = people.uid_of
    monkeypatch.setattr(people, "uid_of", lambda one: number if one == "an-alias" else uid_of(one))
    scripts = [row for table, row in people.export(Renaming(name)) if "jobscript" in table]
    assert [row["id_job"] for row in scripts] == [filled.mine]


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


def done_to(filled, erases):
    """Erase or rename the user of the demo; return the Change. A dry run has said the same."""
    name, new = filled.name_of("user"), "erased" if erases else "anon-1"
    would = Change(Renaming(name, new), erases=erases, dry_run=True)
    people.change(would)
    change = Change(Renaming(name, new), erases=erases)
    people.change(change)
    assert change.counts == would.counts
    return change


def entries():
    """Return [(object_repr, change_message, is the user staff of the demo)] of the log."""
    rows = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    return [tuple(row) for row in rows]


@pytest.fixture
def logged(filled):
    """The same with entries of the log by the staff: about the user, and about others."""
    name = filled.name_of("user")
    user = get_user_model().objects.get(username=name)
    staff = get_user_model().objects.get(username=filled.name_of("staff"))
    LogEntry.objects.all().delete()
    about = Note.objects.get(username=name)
    Note.objects.filter(pk=about.pk).update(title="wastes GPUs")
    about.title = f"{name} wastes GPUs"  # that was its title before
    other = Note.objects.get(title="other")
    other.title = f"see /home/{name}; {name} as a word"
    gone = Note(pk=10**6, title=f"{name} was told")
    for note in (about, other, gone):
        write_down(note, staff, ADDITION, "title")
    users = ContentType.objects.get_for_model(get_user_model())
    for number, shown, message in (
        (user.pk, "Somebody", '[{"changed": {"fields": ["Username"]}}]'), (10**6, name, ""),
        (10**6, f"{name}x", "")
    ):  # fmt: skip
        LogEntry.objects.create(
            user=staff, content_type=users, object_id=str(number), object_repr=shown,
            action_flag=ADDITION, change_message=message,
        )  # fmt: skip
    LogEntry.objects.create(user=user, object_repr=name, action_flag=ADDITION, change_message="by")
    return filled


def test_the_log_of_changes_is_exported(logged):
    name = logged.name_of("user")
    rows = [row for table, row in people.export(Renaming(name)) if table == "django_admin_log"]
    assert [row["object_repr"] for row in rows] == [
        f"{name} wastes GPUs", f"see /home/{name}; {name} as a word", f"{name} was told",
        "Somebody", name, name,
    ]  # fmt: skip


def test_the_log_of_changes_does_not_keep_who_was_erased(logged):
    name = logged.name_of("user")
    change = done_to(logged, erases=True)
    assert entries() == [
        (f"see /home/erased; {name} as a word", "title"), ("erased was told", "title"),
        (f"{name}x", ""),
    ]  # fmt: skip
    assert change.counts["django_admin_log", "removed"] == 4
    assert change.counts["django_admin_log", "changed"] == 2
    assert list(people.export(Renaming(name))) == []


def test_the_log_of_changes_has_the_pseudonym(logged):
    name = logged.name_of("user")
    done_to(logged, erases=False)
    assert entries() == [
        ("anon-1 wastes GPUs", "title"), (f"see /home/anon-1; {name} as a word", "title"),
        ("anon-1 was told", "title"), ("Somebody", '[{"changed": {"fields": ["Username"]}}]'),
        ("anon-1", ""), (f"{name}x", ""), ("anon-1", "by"),
    ]  # fmt: skip


def test_a_note_about_a_job_of_the_person_is_about_the_person(filled):
    name = filled.name_of("user")
    for number, title in ((filled.mine, "serial"), (filled.other, "not hers"), (77, "whose")):
        Note.objects.create(title=title, notes="x", job_id=number, username="")
    Note.objects.create(title="q did it", notes="x", job_id=filled.mine, username="q")
    titles = {row.get("title") for _table, row in people.export(Renaming(name))}
    assert "serial" in titles and not titles & {"not hers", "whose", "q did it"}
    done_to(filled, erases=True)
    left = set(Note.objects.values_list("title", flat=True))
    assert left == {"other", "by", "not hers", "whose", "q did it"}


def test_what_is_about_jobs_that_slurm_has_forgotten_is_told(filled, caplog):
    JobScript.objects.create(id_job=77, submit_script="run")
    Note.objects.create(title="whose", notes="x", job_id=78)
    Note.objects.create(title="q", notes="x", job_id=79, username="q")  # that one says whom
    list(people.export(Renaming(filled.name_of("user"))))
    told = "Slurm knows these jobs no more, and nobody whose they are"
    assert caplog.messages == [f"1 jobs with notes: {told}", f"1 jobs with scripts: {told}"]


# Fields of text that hold no name of a person, or of which the row goes with the account.
WITHOUT = {
    "auth_user": "the account itself", "records_failedlogin": "goes", "django_session": "goes",
    "auth_group": "groups of the site", "auth_permission": "Django's own",
    "django_content_type": "Django's own", "records_token.digest": "a digest",
    "records_token.scopes": "fixed words", "django_admin_log.object_id": "a number",
}  # fmt: skip


@pytest.mark.parametrize("erases", [True, False])
def test_no_field_of_any_table_keeps_the_name(filled, erases):
    name = filled.name_of("user")
    staff = get_user_model().objects.get(username=filled.name_of("staff"))
    make_token(staff, description="x")
    write_down(Note.objects.get(title="other"), staff, ADDITION, "title")
    planted = 0
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        for field in model._meta.get_fields():
            if not isinstance(field, (models.CharField, models.TextField)):
                continue
            if table in WITHOUT or f"{table}.{field.name}" in WITHOUT:
                continue
            is_name = field.name in ("username", "account")
            planted += model.objects.update(**{field.name: name if is_name else f"/home/{name}/x"})
    assert planted > 20
    done_to(filled, erases)
    for model in apps.get_models(include_auto_created=True):
        texts = [str(value) for row in model.objects.values_list() for value in row]
        assert not [text for text in texts if name in text], model


def test_a_new_name_that_is_too_long_for_a_title_stops_nothing(filled):
    name = filled.name_of("user")
    Note.objects.filter(title="other").update(title=f"/home/{name}/".ljust(255, "x"))
    change = Change(Renaming(name, "a-name-of-thirty-two-characters-"), erases=False)
    people.change(change)
    titles = Note.objects.values_list("title", flat=True)
    assert sorted(map(len, titles))[-1] == 255 and not any(name in title for title in titles)


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


FILLED = """
from django.contrib.admin.models import ADDITION
from django.contrib.auth import get_user_model
from userportal.notes.changes import write_down
from userportal.records.models import JobScript, Note
users = get_user_model().objects
users.create_user("ann", email="ann@example.org")
staff = users.create_user("sue")
for number in range(300):
    note = Note.objects.create(title=f"ann {number}", notes="x", username="ann", created_by=staff)
    write_down(note, staff, ADDITION)
JobScript.objects.create(id_job=7, submit_script="cd /home/ann")
"""
LEFT = """
from django.contrib.admin.models import LogEntry
from userportal.records.models import JobScript, Note
print(Note.objects.count(), LogEntry.objects.count(), JobScript.objects.get().submit_script)
"""


def shell(conf, script):
    """Run a script in the shell of the portal of a configuration; return what it prints."""
    words = ("shell", "--no-imports", "--command", script)
    done = run_command("userportal", "--conf", conf, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_person_is_erased_on_each_backend(site, tmp_path):
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\nstate = {tmp_path}\n[database]\nconf_file = {site.conf_path}\n")
    assert run_command("userportal", "--conf", conf, "migrate", "-v", "0").returncode == 0
    shell(conf, FILLED)
    words = ("erase", "ann", "--schema", "portal", "--portal", conf, "--yes", "--format", "json")
    done = run_command("usage_person", *words)
    assert done.returncode == 0, done.stderr
    assert {(row["table"], row["action"]): row["rows"] for row in json.loads(done.stdout)} == {
        ("auth_user", "removed"): 1, ("records_note", "removed"): 300,
        ("django_admin_log", "removed"): 300, ("records_jobscript", "changed"): 1,
    }  # fmt: skip
    assert shell(conf, LEFT) == "0 0 cd /home/erased\n"
    done = run_command("usage_person", "export", *words[1:6])
    assert (done.returncode, done.stdout) == (0, "{}\n")


ZONE = """
import datetime, sys, time
from usagedb.person import Places
from userportal.person import opened
with opened(Places(portal_conf=sys.argv[1])) as people:
    print(people is not None, time.tzname[0], datetime.datetime.fromtimestamp(0).hour)
"""


@pytest.mark.parametrize(("zone", "told"), [("Asia/Tokyo", "JST 9"), ("UTC0", "UTC 0")])
def test_what_is_done_beside_the_portal_s_data_keeps_the_zone_of_this_machine(
    site, tmp_path, zone, told
):
    """Where months begin, for delete_old_records --configured: other schemas come after this."""
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\nstate = {tmp_path}\n[database]\nconf_file = {site.conf_path}\n")
    assert run_command("userportal", "--conf", conf, "migrate", "-v", "0").returncode == 0
    environment = {**os.environ, "TZ": zone}
    words = [sys.executable, "-c", ZONE, str(conf)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.returncode) == (f"True {told}\n", 0), done.stderr


CARELESS = """
import sys
from userportal.django_commands import set_up_django
set_up_django()
from django.db import connection
with connection.cursor() as cursor:  # as SQLite is built, but by some distributions
    cursor.execute("PRAGMA secure_delete = OFF")
from usagedb.usage_person import main
sys.argv = ["usage_person", *sys.argv[1:]]
main()
"""


def test_what_is_erased_from_a_file_is_overwritten_there(tmp_path):
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\nstate = {tmp_path}\n")
    assert run_command("userportal", "--conf", conf, "migrate", "-v", "0").returncode == 0
    shell(conf, FILLED)
    files = [tmp_path / name for name in ("portal.db", "portal.db-wal")]
    assert any(b"ann 123" in file.read_bytes() for file in files if file.exists())
    words = ("erase", "ann", "--schema", "portal", "--portal", str(conf), "--yes", "-q")
    done = subprocess.run(
        [sys.executable, "-c", CARELESS, *words], capture_output=True, text=True, check=False,
        env={**os.environ, "HPCUSAGE_PORTAL_CONF": str(conf)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    left = b"".join(file.read_bytes() for file in files if file.exists())
    assert b"ann 123" not in left and b"ann@example.org" not in left


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
