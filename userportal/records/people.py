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
from usagedb.mentions import fitted
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
ENTRY_FIELDS = ("action_time", "action_flag", "object_repr", "change_message")
NOTE_TEXTS = ("title", "notes", "ticket_id")
OF_NOTES = {"content_type__app_label": "records", "content_type__model": "note"}
OF_USERS = {"content_type__app_label": "auth", "content_type__model": "user"}
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
    for failure in failures_of(renaming.name):
        yield table_of(FailedLogin), fields_of(failure, ("at", "username", "address"))
    jobs = jobs_of_notes(renaming.name)
    for note in notes_of(renaming, user, jobs):
        row = fields_of(note, NOTE_FIELDS)
        row["created_by"] = note.created_by and note.created_by.get_username()
        yield table_of(Note), row
    for entry, _is_own, _replace in entries_of(renaming, user, notes_about(renaming.name, jobs)):
        yield table_of(LogEntry), fields_of(entry, ENTRY_FIELDS)
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


def jobs_of_notes(name, sure=True):
    """Return the numbers of the person's jobs among those that notes without a user are about."""
    of_jobs = Note.objects.exclude(job_id=None).filter(Q(username=None) | Q(username=""))
    return own_jobs(name, of_jobs.values_list("job_id", flat=True), "notes", sure)


def notes_of(renaming, user, jobs):
    """Yield the notes about a person, by the person, and those that name the person.

    jobs: the person's, as jobs_of_notes returns them.
    """
    name = renaming.name
    about = notes_about(name, jobs)
    wanted = Q(username=name) | Q(account=name)
    for field in NOTE_TEXTS:
        wanted |= Q(**{f"{field}__contains": name})
    if user is not None:
        wanted |= Q(created_by=user)
    found = set(Note.objects.filter(wanted).values_list("pk", flat=True)) | about
    for note in by_keys(Note.objects, found):
        is_by = user is not None and note.created_by_id == user.pk
        texts = (getattr(note, field) or "" for field in NOTE_TEXTS)
        if note.pk in about or is_by or note.account == name or any(map(renaming.is_in, texts)):
            yield note


def notes_about(name, jobs):
    """Return the keys of the notes about a person: by name, or else by the number of a job."""
    # MariaDB finds ANN for ann, too.
    rows = Note.objects.filter(username=name).values_list("pk", "username")
    found = {pk for pk, username in rows if username == name}
    jobs = sorted(jobs)
    for start in range(0, len(jobs), ROWS_AT_ONCE):
        some = Note.objects.filter(job_id__in=jobs[start : start + ROWS_AT_ONCE])
        rows = some.values_list("pk", "username")
        found |= {pk for pk, username in rows if not username}
    return found


def by_keys(rows, keys):
    """Yield those rows of a query that have some keys, in their order."""
    keys = sorted(keys)
    for start in range(0, len(keys), ROWS_AT_ONCE):
        yield from rows.filter(pk__in=keys[start : start + ROWS_AT_ONCE]).order_by("pk")


def entries_of(renaming, user, about):
    """Yield (LogEntry, whether it is the person's own, what replaces the name in its texts).

    The person's own are those by the person, of the person's account, and of the notes with the
    keys about. Others name the person. Whom a note was about that is no longer there nobody can
    tell: every word of its title may mean the person.
    """
    notes = set(map(str, Note.objects.values_list("pk", flat=True)))
    about = set(map(str, about))
    entries = LogEntry.objects.select_related("content_type")
    for entry in by_keys(entries, keys_of_entries(renaming.name, user, about)):
        kind = entry.content_type and entry.content_type.model_class()
        is_own = user is not None and entry.user_id == user.pk
        if kind is get_user_model():
            is_same = user is not None and entry.object_id == str(user.pk)
            is_own = is_own or is_same or entry.object_repr == renaming.name
        if kind is Note:
            is_own = is_own or entry.object_id in about
        is_lost = kind is Note and entry.object_id not in notes
        replace = renaming.own if is_own or is_lost else renaming.shared
        texts = entry.object_repr, entry.change_message
        if is_own or any(replace(text) != text for text in texts):
            yield entry, is_own, replace


def keys_of_entries(name, user, about):
    """Return the keys of the LogEntries that may concern a person; see entries_of."""
    wanted = Q(object_repr__contains=name) | Q(change_message__contains=name)
    if user is not None:
        wanted |= Q(user=user) | Q(object_id=str(user.pk), **OF_USERS)
    found = set(LogEntry.objects.filter(wanted).values_list("pk", flat=True))
    keys = sorted(about)
    for start in range(0, len(keys), ROWS_AT_ONCE):
        some = LogEntry.objects.filter(object_id__in=keys[start : start + ROWS_AT_ONCE], **OF_NOTES)
        found |= set(some.values_list("pk", flat=True))
    return found


def scripts_of(name, sure=True):
    """Yield the job scripts of a person; with sure only those of job numbers that nobody else had:
    numbers are used again after years."""
    ids = JobScript.objects.order_by("pk").values_list("pk", flat=True)
    yield from by_keys(JobScript.objects, own_jobs(name, ids, "scripts", sure))


def own_jobs(name, job_ids, what, sure):
    """Return the set of those job numbers that are a person's; see scripts_of.

    Of which nobody knows is told in a warning; what: what there is of these jobs.
    """
    ids = sorted(set(job_ids))
    if ids and not settings.SOURCES.has("slurm"):
        logger.warning("[slurm] is not configured: nobody knows whose the jobs with %s are", what)
        return set()
    person = (name, uid_of(name)) if ids else None
    found, unknown = set(), 0
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[start : start + ROWS_AT_ONCE]
        owners = users_in_slurm(some)
        unknown += len(some) - len(owners)
        found |= {
            job_id for job_id, people in owners.items()
            if is_among(person, people) and (not sure or len(people) == 1)
        }  # fmt: skip
    if unknown:
        told = "Slurm knows these jobs no more, and nobody whose they are"
        logger.warning("%d jobs with %s: %s", unknown, what, told)
    return found


def is_among(person, users):
    """Tell whether a person, (name, uid), is one of the users of a job number; as access.owners
    has it: Slurm may have another name for the person."""
    name, uid = person
    return any(
        user == name
        or (number == uid and (user.lower() in ("", name.lower()) or uid_of(user) == uid))
        for user, number in users
    )


def uid_of(name):
    """Return the uid of a name, None if it is unknown or nobody can be asked."""
    with contextlib.suppress(errors.UsageDBError):
        return people().uid_of(name)
    return None


def users_in_slurm(job_ids):
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
    name = change.renaming.name
    user, jobs = user_of(name), jobs_of_notes(name, sure=False)
    change_scripts(change)
    # Whose an entry of the log is, the notes tell, as long as they are there.
    change_entries(change, user, notes_about(name, jobs))
    change_notes(change, user, jobs)
    change_tokens(change, user)
    remove(change, FailedLogin, failures_of(name).values_list("pk", flat=True))
    if user is None:
        return
    remove(change, Session, [session.pk for session in sessions_of(user)])
    remove(change, Token, Token.objects.filter(user=user).values_list("pk", flat=True))
    remove(change, GivenRoles, GivenRoles.objects.filter(user=user).values_list("pk", flat=True))
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


def change_notes(change, user, jobs):
    """Rename or remove the notes about the person; those of the person about others stay."""
    renaming = change.renaming
    about = notes_about(renaming.name, jobs)
    removed = []
    for note in notes_of(renaming, user, jobs):
        if change.erases and note.pk in about:
            removed.append(note.pk)
            continue
        replace = renaming.own if note.pk in about else renaming.shared
        values = {field: replace(getattr(note, field)) for field in NOTE_TEXTS}
        for field in ("username", "account"):
            if getattr(note, field) == renaming.name:
                values[field] = renaming.new
        update(change, Note, note, values)
    remove(change, Note, removed)


def change_entries(change, user, about):
    """Rename or remove the person in the log of changes; about: the keys of notes."""
    renaming, removed = change.renaming, []
    for entry, is_own, replace in entries_of(renaming, user, about):
        if change.erases and is_own:
            removed.append(entry.pk)
            continue
        values = {
            "object_repr": replace(entry.object_repr),
            "change_message": renaming.in_json(entry.change_message, replace),
        }
        is_by = user is not None and entry.user_id == user.pk  # its user will have another name
        update(change, LogEntry, entry, values, counts=is_by)
    remove(change, LogEntry, removed)


def change_tokens(change, user):
    """Rename the person in what others say of their tokens."""
    wanted = Token.objects.filter(description__contains=change.renaming.name)
    for token in (wanted.exclude(user=user) if user else wanted).order_by("pk"):
        update(change, Token, token, {"description": change.renaming.shared(token.description)})


def update(change, model, row, values, counts=False):
    """Set fields of a row that are to change; the times of its changes stay.

    A text is made to fit its field. counts: the row counts as changed in any case.
    """
    values = {
        name: fitted(value, model._meta.get_field(name).max_length)
        for name, value in values.items()
        if value != getattr(row, name)
    }
    change.count(table_of(model), CHANGED, int(bool(values) or counts))
    if values and not change.dry_run:
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
