"""Store what happens to notes, and who did it."""

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from userportal.records.models import Note

MOST_SHOWN = 50
LONGEST_TITLE = 200
RESTORED = "restored"  # the message of a change, as Django keeps it


def save_new(form, user):
    """Store the note of a valid form, made by a user; return it. Commits."""
    with transaction.atomic():
        note = form.save(commit=False)
        note.pk, note.created_by, note.deleted_at = None, user, None
        note.save(force_insert=True)
        write_down(note, user, ADDITION)
    return note


def save_changed(form, user):
    """Store the changes of a valid form. Commits."""
    with transaction.atomic():
        note = form.save()
        write_down(note, user, CHANGE, ", ".join(form.changed_data))
    return note


def delete(note, user):
    """Mark a note as deleted; it stays as it is if it was. Commits."""
    set_deleted(note, user, timezone.now(), DELETION)


def restore(note, user):
    """Take the mark away. Commits."""
    set_deleted(note, user, None, CHANGE, RESTORED)


def set_deleted(note, user, moment, action, message=""):
    """Mark a note, if that changes something."""
    if bool(note.deleted_at) == bool(moment):
        return
    with transaction.atomic():
        note.deleted_at = moment
        note.save(update_fields=["deleted_at", "modified_at"])
        write_down(note, user, action, message)


def write_down(note, user, action, message=""):
    """Write a line into the log that Django's own administration shows, too."""
    LogEntry.objects.create(
        user=user, content_type=content_type(), object_id=str(note.pk),
        object_repr=note.title[:LONGEST_TITLE], action_flag=action, change_message=message,
    )  # fmt: skip


def changes_of(note):
    """Return the LogEntries of a note, the newest first. Read-only."""
    entries = LogEntry.objects.filter(content_type=content_type(), object_id=str(note.pk))
    return list(entries.select_related("user").order_by("-action_time", "-pk")[:MOST_SHOWN])


def content_type():
    """Return how Django calls notes in its log."""
    return ContentType.objects.get_for_model(Note)
