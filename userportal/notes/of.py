"""Find the notes about a job, a user or an account, for the pages that show them to staff."""

from django.db.models import Q

from userportal.records.models import Note

MOST_SHOWN = 100
NAMES_PER_QUERY = 500  # SQLite takes no more than 999 values


def notes_about(job_id=None, username=None, account=None):
    """Return the Notes about any of the three that is given, those changed last first.

    At the most MOST_SHOWN; deleted ones are left out. Only staff may see them: who asks has made
    sure of that. Read-only.
    """
    about = Q()
    for field, value in (("job_id", job_id), ("username", username), ("account", account)):
        if value:
            about |= Q(**{field: value})
    if not about:
        return []
    return list(present().filter(about).select_related("created_by")[:MOST_SHOWN])


def jobs_with_notes(job_ids):
    """Return which of many jobs have a note, as a set of numbers. Read-only."""
    return with_notes("job_id", job_ids)


def users_with_notes(usernames):
    """Return which of many users have a note, as a set of names. Read-only."""
    return with_notes("username", usernames)


def with_notes(field, values):
    """Return which values of a field of Note have a note that is not deleted, as a set."""
    wanted = sorted({value for value in values if value})
    found: set = set()
    for first in range(0, len(wanted), NAMES_PER_QUERY):
        some = {f"{field}__in": wanted[first : first + NAMES_PER_QUERY]}
        found.update(present().filter(**some).values_list(field, flat=True))
    # MariaDB finds ANN for ann, too.
    return found & set(wanted)


def present():
    """Return the query for all notes that are not deleted."""
    return Note.objects.filter(deleted_at=None)
