"""What the administration shows of the portal's own tables."""

from django.contrib import admin

from userportal.records import models


class ReadOnly(admin.ModelAdmin):
    """Rows that the portal alone writes: they are looked at and removed."""

    def has_add_permission(self, request):
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request, obj=None):
        """Nothing is changed by hand."""
        return False


@admin.register(models.JobScript)
class JobScriptAdmin(ReadOnly):
    """Job scripts."""

    list_display = ("id_job", "last_modified")
    search_fields = ("=id_job",)


@admin.register(models.Note)
class NoteAdmin(admin.ModelAdmin):
    """Notes, the deleted ones too."""

    list_display = ("title", "username", "account", "job_id", "ticket_id", "modified_at",
                    "deleted_at")  # fmt: skip
    search_fields = ("title", "username", "account", "=job_id", "ticket_id")
    readonly_fields = ("created_at", "modified_at", "created_by")


@admin.register(models.Token)
class TokenAdmin(ReadOnly):
    """Tokens, without their digests."""

    list_display = ("user", "scopes", "description", "created_at", "expires_at", "last_used_at")
    search_fields = ("user__username", "description")
    exclude = ("digest",)


@admin.register(models.FailedLogin)
class FailedLoginAdmin(ReadOnly):
    """Failed logins: to remove them ends a wait."""

    list_display = ("at", "username", "address")
    search_fields = ("username", "address")
