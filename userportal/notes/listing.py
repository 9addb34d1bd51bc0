"""Find the notes that a list shows."""

import re

from django.db.models import Q

from userportal.notes.of import present
from userportal.records.models import Note

LONGEST_SEARCH = 200
SEARCHED = ("title", "notes", "ticket_id", "username", "account")
JOB_ID = re.compile(r"[0-9]{1,10}", re.ASCII)


def listed_notes(text="", with_deleted=False):
    """Return the query for the notes with every word of a text somewhere in them.

    A word that is a number may also be the job's. Read-only.
    """
    found = Note.objects.all() if with_deleted else present()
    for word in searched_text(text).split():
        condition = Q()
        for field in SEARCHED:
            condition |= Q(**{f"{field}__icontains": word})
        if JOB_ID.fullmatch(word):
            condition |= Q(job_id=int(word))
        found = found.filter(condition)
    return found.select_related("created_by")


def searched_text(text):
    """Return what is searched for, bounded."""
    return " ".join(text.replace("\0", "").split())[:LONGEST_SEARCH]
