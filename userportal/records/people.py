"""What the portal's own tables hold about a person: exported, renamed, removed.

Whose script a job's is, only Slurm's tables know.
"""

import contextlib
import logging

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from usagedb import errors
from usagedb.database import marks
from usagedb.person import CHANGED, REMOVED
from userportal.access.memberships import people
from userportal.access.throttle import name_key
from userportal.records.models import FailedLogin, GivenRoles, JobScript, Note, Token

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 200
USER_FIELDS = (
    "username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser",
    "date_joined", "last_login",
)  # fmt: skip
NOTE_FIELDS = (
    "created_at", "modified_at", "deleted_at", "title", "notes", "ticket_id", "job_id", "username",
    "account",
)  # fmt: skip
TOKEN_FIELDS = ("scopes", "description", "created_at", "expires_at", "last_used_at")


def user_of(name):
    """Return the user of exactly that name, None if there is none."""
    found = get_user_model().objects.filter(username=name)
    return next((user for user in found if user.get_username() == name), None)


def table_of(model):
    """Return the name of a model's table."""
    return model._meta.db_table


def fields_of(row, names):
    """Return fields of a row as JSON can hold them."""
    values = ((name, getattr(row, name)) for name in names)
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values
    }


def export(renaming):
    """Yield (table, row) of all that is stored about a person. Read-only."""
    user = user_of(renaming.name)
    if user is not None:
        row = fields_of(user, USER_FIELDS)
        row["groups"] = sorted(user.groups.values_list("name", flat=True))
        yield table_of(type(user)), row
        for roles in GivenRoles.objects.filter(user=user):
            yield table_of(GivenRoles), fields_of(roles, ("is_staff", "is_helper"))
        for token in Token.objects.filter(user=user).order_by("pk"):
            yield table_of(Token), fields_of(token, TOKEN_FIELDS)
        for session in sessions_of(user):
            yield table_of(Session), fields_of(session, ("expire_date",))
        for entry in LogEntry.objects.filter(user=user).order_by("pk").iterator():
            fields = ("action_time", "action_flag", "object_repr", "change_message")
            yield table_of(LogEntry), fields_of(entry, fields)
    for failure in failures_of(renaming.name):
        yield table_of(FailedLogin), fields_of(failure, ("at", "username", "address"))
    for note in notes_of(renaming, user):
        row = fields_of(note, NOTE_FIELDS)
        row["created_by"] = note.created_by and note.created_by.get_username()
        yield table_of(Note), row
    for script in scripts_of(renaming.name):
        yield table_of(JobScript), fields_of(script, ("id_job", "last_modified", "submit_script"))


def sessions_of(user):
    """Yield the sessions in which a user is logged in."""
    for session in Session.objects.iterator(ROWS_AT_ONCE):
        if str(session.get_decoded().get(SESSION_KEY)) == str(user.pk):
            yield session


def failures_of(name):
    """Return the failed logins of a name."""
    return FailedLogin.objects.filter(username__in={name, name_key(name)}).order_by("pk")


def notes_of(renaming, user):
    """Yield the notes about a person, by the person, and those that name the person."""
    name = renaming.name
    wanted = Q(username=name) | Q(title__contains=name) | Q(notes__contains=name)
    if user is not None:
        wanted |= Q(created_by=user)
    for note in Note.objects.filter(wanted).order_by("pk").iterator(ROWS_AT_ONCE):
        is_by = user is not None and note.created_by_id == user.pk
        if note.username == name or is_by or any(map(renaming.is_in, (note.title, note.notes))):
            yield note


def scripts_of(name, sure=True):
    """Yield the job scripts of a person; with sure only those of job numbers that nobody else had:
    numbers are used again after years."""
    if not JobScript.objects.exists():
        return
    if not settings.SOURCES.has("slurm"):
        logger.warning("[slurm] is not configured: nobody knows whose the job scripts are")
        return
    uid = uid_of(name)
    ids = list(JobScript.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        owners = owners_of(some)
        mine = [
            job_id for job_id in some
            if is_among((name, uid), owners.get(job_id, ())) and (
                not sure or len(owners[job_id]) == 1
            )
        ]  # fmt: skip
        yield from JobScript.objects.filter(pk__in=mine).order_by("pk")


def is_among(person, owners):
    """Tell whether a person, (name, uid), is one of some owners of a job number."""
    name, uid = person
    return any(owner == name or (not owner and number == uid) for owner, number in owners)


def uid_of(name):
    """Return the uid of a name, None if it is unknown or nobody can be asked."""
    with contextlib.suppress(errors.UsageDBError):
        return people().uid_of(name)
    return None


def owners_of(job_ids):
    """Return {job id: {(user name or "", uid)}} of what Slurm has. Read-only."""
    sql = (
        'SELECT j."id_job", a."user", j."id_user" FROM {job_table} j'  # noqa: S608
        ' LEFT JOIN {assoc_table} a ON a."id_assoc" = j."id_assoc"'
        f' WHERE j."id_job" IN ({marks(job_ids)})'
    )
    found: dict = {}
    with settings.SOURCES.slurm() as slurm:
        for job_id, name, uid in slurm.ask(sql, job_ids):
            found.setdefault(job_id, set()).add((name or "", uid))
    return found


def change(change):
    """Rename or remove a person; see usagedb.person. Commits row by row, the account last."""
    user = user_of(change.renaming.name)
    change_scripts(change)
    change_notes(change, user)
    remove(change, FailedLogin, failures_of(change.renaming.name).values_list("pk", flat=True))
    if user is None:
        return
    remove(change, Session, [session.pk for session in sessions_of(user)])
    remove(change, Token, Token.objects.filter(user=user).values_list("pk", flat=True))
    remove(change, GivenRoles, GivenRoles.objects.filter(user=user).values_list("pk", flat=True))
    entries = LogEntry.objects.filter(user=user).values_list("pk", flat=True)
    if change.erases:
        remove(change, LogEntry, entries)
    else:
        change.count(table_of(LogEntry), CHANGED, len(entries))
    change_user(change, user)


def remove(change, model, keys):
    """Remove the rows with some keys."""
    keys = list(keys)
    change.count(table_of(model), REMOVED, len(keys))
    for start in range(0, len(keys) if not change.dry_run else 0, ROWS_AT_ONCE):
        model.objects.filter(pk__in=keys[start : start + ROWS_AT_ONCE]).delete()


def change_scripts(change):
    """Rename or remove the person's scripts, and rename the person in those of others."""
    renaming, own = change.renaming, set()
    for script in scripts_of(renaming.name, sure=False):
        own.add(script.pk)
        if not change.erases:
            update(change, JobScript, script, {"submit_script": renaming.own(script.submit_script)})
    if change.erases:
        remove(change, JobScript, sorted(own))
    wanted = JobScript.objects.filter(submit_script__contains=renaming.name).order_by("pk")
    for script in wanted.iterator(ROWS_AT_ONCE):
        if script.pk not in own:
            changed = renaming.shared(script.submit_script)
            update(change, JobScript, script, {"submit_script": changed})


def change_notes(change, user):
    """Rename or remove the notes about the person; those of the person about others stay."""
    renaming = change.renaming
    removed = []
    for note in notes_of(renaming, user):
        is_about = note.username == renaming.name
        if change.erases and is_about:
            removed.append(note.pk)
            continue
        replace = renaming.own if is_about else renaming.shared
        values = {"title": replace(note.title), "notes": replace(note.notes)}
        if is_about:
            values["username"] = renaming.new
        update(change, Note, note, values)
    remove(change, Note, removed)


def update(change, model, row, values):
    """Set fields of a row that are to change; the times of its changes stay."""
    if all(getattr(row, name) == value for name, value in values.items()):
        return
    change.count(table_of(model), CHANGED, 1)
    if not change.dry_run:
        model.objects.filter(pk=row.pk).update(**values)


def change_user(change, user):
    """Remove the account, or rename it: nobody can log in as a pseudonym."""
    change.count(table_of(type(user)), REMOVED if change.erases else CHANGED, 1)
    if change.dry_run:
        return
    if change.erases:
        user.delete()  # notes of the person about others lose their author
        return
    holder = user_of(change.renaming.new)
    with transaction.atomic():
        if holder is not None:
            Note.objects.filter(created_by=user).update(created_by=holder)
            LogEntry.objects.filter(user=user).update(user=holder)
            user.delete()
            return
        user.username, user.first_name, user.last_name = change.renaming.new, "", ""
        user.email, user.is_active = "", False
        user.set_unusable_password()
        user.save()
