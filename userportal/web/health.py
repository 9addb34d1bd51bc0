"""Tell machines whether the portal works: /health/ that it answers, /watchman/ what it needs."""

import logging

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpResponse, JsonResponse

from usagedb.errors import UsageDBError

logger = logging.getLogger(__name__)
# Anybody may ask, so asking often must not become work for the databases.
KEPT_SECONDS = 5
CACHE_KEY = "portal-watchman"


def health(request):
    """Answer without asking anything: the process is alive."""
    return HttpResponse("ok\n", content_type="text/plain")


def watchman(request):
    """Answer whether the own database and Slurm's can be asked: 200, or 503 if one cannot.

    The form is that of the checks which orchestrators have: {"databases": [{"default": {"ok":
    true}}]}. Why one does not answer stands in the log, not here.
    """
    found = cache.get(CACHE_KEY)
    if found is None:
        found = [{name: {"ok": answers(name, check)}} for name, check in checks().items()]
        cache.set(CACHE_KEY, found, KEPT_SECONDS)
    is_well = all(state["ok"] for entry in found for state in entry.values())
    return JsonResponse({"databases": found}, status=200 if is_well else 503)


def checks():
    """Return what is asked: the name of a source and a function that raises if it is away."""
    wanted = {"default": ask_own_database}
    if settings.SOURCES.has("slurm"):
        wanted["slurm"] = ask_slurm
    return wanted


def ask_own_database():
    """Ask the portal's own database for nothing in particular."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_slurm():
    """Ask Slurm's database for nothing in particular."""
    with settings.SOURCES.database("slurm") as database:
        database.rows("SELECT 1")


def answers(name, check):
    """Return whether a check goes through."""
    try:
        check()
    except (DatabaseError, UsageDBError) as error:
        logger.warning("%s does not answer: %s", name, error)
        return False
    return True
