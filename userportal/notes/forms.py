"""The form of a note: what it is about must exist."""

import contextlib
import logging

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from usagedb import errors
from userportal.access.memberships import people
from userportal.access.names import is_username
from userportal.records.models import Note
from userportal.slurm.jobset import HIGHEST_JOB_ID

logger = logging.getLogger(__name__)

LONGEST_NOTE = 20_000
ABOUT = ("job_id", "username", "account")


class NoteForm(forms.ModelForm):
    """A new note, or a changed one; what was about something stays so if that is gone."""

    job_id = forms.IntegerField(
        label=gettext_lazy("Job"), min_value=1, max_value=HIGHEST_JOB_ID, required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    notes = forms.CharField(
        label=gettext_lazy("Note"), max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 8}),
    )  # fmt: skip
    # When the note was changed last, as the reader has seen it; others may have changed it since.
    version = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput())

    class Meta:
        model = Note
        fields = ("title", "notes", "ticket_id", "job_id", "username", "account")
        labels = {
            "title": gettext_lazy("Title"),
            "ticket_id": gettext_lazy("Ticket"),
            "username": gettext_lazy("User"),
            "account": gettext_lazy("Account"),
        }

    def __init__(self, *arguments, **named):
        """Remember which version of the note is shown."""
        super().__init__(*arguments, **named)
        self.initial["version"] = version_of(self.instance)

    def clean_username(self):
        """Return the name of a user that is known, or None."""
        name = self.cleaned_data["username"] or None
        if name and "username" in self.changed_data:
            with told_failures():
                is_known = is_username(name) and people().uid_of(name) is not None
            if not is_known:
                raise ValidationError(gettext("There is no user of that name."))
        return name

    def clean_job_id(self):
        """Return the number of a job that slurmdbd has, however often it was queued, or None."""
        job_id = self.cleaned_data["job_id"]
        if job_id and "job_id" in self.changed_data:
            with told_failures(), settings.SOURCES.slurm() as slurm:
                is_known = slurm.job(job_id) is not None
            if not is_known:
                raise ValidationError(gettext("There is no job of that number."))
        return job_id

    def clean_account(self):
        """Return the name of an account that slurmdbd has, or None."""
        name = self.cleaned_data["account"] or None
        if name and "account" in self.changed_data:
            with told_failures(), settings.SOURCES.slurm() as slurm:
                is_known = is_username(name) and slurm.account_exists(name)
            if not is_known:
                raise ValidationError(gettext("There is no account of that name."))
        return name

    def clean_ticket_id(self):
        """Return the ticket, or None."""
        return self.cleaned_data["ticket_id"] or None

    def clean(self):
        """Check that it is about something, and that nobody else has changed it."""
        cleaned = super().clean()
        if not any(cleaned.get(name) or name in self.errors for name in ABOUT):
            raise ValidationError(gettext("Say which job, user or account the note is about."))
        seen = cleaned.get("version")
        if seen and seen != version_of(self.instance):
            raise ValidationError(
                gettext("Somebody else has changed this note meanwhile: load it again.")
            )
        return cleaned


def version_of(note):
    """Return what tells a version of a note from others, "" for a new one."""
    return note.modified_at.isoformat() if note.modified_at else ""


@contextlib.contextmanager
def told_failures():
    """Turn the failure of a source into an error of the form, so that what was typed stays."""
    try:
        yield
    except errors.UsageDBError as error:
        logger.warning("a note could not be checked: %s", error)
        text = gettext("This cannot be checked now: its source cannot be reached.")
        raise ValidationError(text) from error
