"""The tables that the portal writes itself: job scripts, notes, tokens and failed logins."""

from django.conf import settings
from django.db import models

NAME_CHARACTERS = 255


class JobScript(models.Model):
    """The script of a job, as the collector sent it."""

    id_job = models.PositiveBigIntegerField(primary_key=True)
    last_modified = models.DateTimeField(auto_now=True)
    submit_script = models.TextField()

    class Meta:
        ordering = ["-last_modified", "-id_job"]


class Note(models.Model):
    """What staff write down about a job, a user or an account; deleted ones stay, marked."""

    created_at = models.DateTimeField(auto_now_add=True)
    modified_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    title = models.CharField(max_length=NAME_CHARACTERS)
    notes = models.TextField()
    ticket_id = models.CharField(max_length=NAME_CHARACTERS, null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    job_id = models.PositiveBigIntegerField(null=True, blank=True, db_index=True)
    username = models.CharField(max_length=NAME_CHARACTERS, null=True, blank=True, db_index=True)
    account = models.CharField(max_length=NAME_CHARACTERS, null=True, blank=True, db_index=True)

    class Meta:
        ordering = ["-modified_at", "-id"]


class Token(models.Model):
    """What a program proves with that it acts for a user: only the token's digest is kept."""

    digest = models.CharField(max_length=64, unique=True)  # SHA-256, hexadecimal
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portal_tokens"
    )
    scopes = models.CharField(max_length=NAME_CHARACTERS)  # words: jobscripts jobs notes
    description = models.CharField(max_length=NAME_CHARACTERS, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)


class FailedLogin(models.Model):
    """One failed try to log in, kept for as long as it slows down the next ones.

    A name of "" stands for a wrong token of the API.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    username = models.CharField(max_length=NAME_CHARACTERS, db_index=True)
    address = models.CharField(max_length=64, db_index=True)


class GivenRoles(models.Model):
    """The roles that a user got at the last login: the next one takes these away, and no others."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True,
        related_name="portal_given_roles",
    )  # fmt: skip
    is_staff = models.BooleanField(default=False)
    is_helper = models.BooleanField(default=False)
