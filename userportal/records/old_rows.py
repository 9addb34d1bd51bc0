"""Delete old rows of the portal's own tables."""

import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session

from usagedb.retention import Purged, moments_of
from userportal.records.models import FailedLogin, JobScript, Note, Token

ROWS_PER_STEP = 500
# What makes a row old: the moment in this field.
OLD_BY = (
    (JobScript, "last_modified"),
    (Note, "deleted_at"),  # only those that were marked as deleted
    (LogEntry, "action_time"),
    (Token, "expires_at"),  # only those that end
    (FailedLogin, "at"),
    (Session, "expire_date"),
)
# Why the rows of the other tables stay.
KEPT = {
    "auth_user": "an account stays until usage_person erases it, or staff delete it",
    "records_givenroles": "goes with its account",
    "auth_group": "groups are few",
    "auth_permission": "Django's own",
    "django_content_type": "Django's own",
    "auth_user_groups": "goes with its account",
    "auth_user_user_permissions": "goes with its account",
    "auth_group_permissions": "goes with its group",
}


def purge(options, report):
    """Delete the rows of some days, or count them with dry_run. Commits step by step."""
    first, end = (
        datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
        for moment in moments_of(options)
    )
    end = min(end, datetime.datetime.now(datetime.timezone.utc))  # what still counts is not old
    purged = Purged()
    for model, field in OLD_BY:
        rows = model.objects.filter(**{f"{field}__gte": first, f"{field}__lt": end})
        keys = list(rows.values_list("pk", flat=True))
        if keys:
            purged.tables.append((model._meta.db_table, len(keys)))
        for start in range(0, len(keys) if not options.dry_run else 0, ROWS_PER_STEP):
            # Of these rows: what has been written anew since they were listed is not old.
            rows.filter(pk__in=keys[start : start + ROWS_PER_STEP]).delete()
        if keys and not options.dry_run:
            report(f"{model._meta.db_table}: {len(keys)} deleted")
    return purged
