"""Slow down who guesses passwords or tokens: so many tries a name and an address, then a wait."""

import datetime
import logging
import math
import unicodedata

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from userportal.access.addresses import address_key, client_address
from userportal.access.names import shown_text
from userportal.records.models import NAME_CHARACTERS, FailedLogin

logger = logging.getLogger(__name__)

WRONG_TOKEN = ""  # in place of the name
MOST_REMOVED = 500


class Throttle(BaseBackend):
    """Counts each try before it is looked at; the login itself takes those of its name back.

    So tries at once cannot pass by, and all forms count, that of the administration too.
    """

    def authenticate(self, request, username=None, password=None):
        """Return None, so that the next back end is asked. Raises PermissionDenied if not."""
        if username is None or password is None:
            return
        wait_seconds = note_try(name_key(username), key_of(request))
        if wait_seconds:
            logger.warning(
                "too many failed logins of %s, or from %s", shown_text(username), key_of(request)
            )
            if request is not None:
                request.portal_wait_seconds = wait_seconds
            raise PermissionDenied


def note_wrong_token(request) -> int:
    """Count a wrong token, and return how many seconds its address has to wait, 0 for none."""
    return note_try(WRONG_TOKEN, key_of(request))


def forget_name(username):
    """Take back the tries of a name, which has logged in."""
    FailedLogin.objects.filter(username=name_key(username)).delete()


def note_try(name, address) -> int:
    """Count a try, and return how many seconds are to wait, 0 if it may go on. Commits.

    A try that has to wait is not counted, so that the wait ends. Old tries are removed.
    """
    access, now = settings.PORTAL.access, timezone.now()
    if not access.login_tries or not access.login_seconds:
        return 0
    since = now - datetime.timedelta(seconds=access.login_seconds)
    remove_before(since)
    # Written first and counted then: of several tries at once each sees those before it.
    row = FailedLogin.objects.create(username=name, address=address)
    waits = [wait_of(tries, access, now) for tries in tries_of(name, address)]
    if any(waits):
        row.delete()
    return max(waits)


def remove_before(moment):
    """Remove old tries, some at a time, by number: a range would keep out who writes meanwhile."""
    old = FailedLogin.objects.filter(at__lt=moment).values_list("pk", flat=True)[:MOST_REMOVED]
    numbers = list(old)
    if numbers:
        FailedLogin.objects.filter(pk__in=numbers).delete()


def tries_of(name, address):
    """Return the tries that count against a name, and those against an address.

    Wrong tokens and wrong passwords are counted apart; without an address only the name counts.
    """
    tries = FailedLogin.objects.order_by("at")
    if name == WRONG_TOKEN:
        return [tries.filter(username=WRONG_TOKEN, address=address)]
    found = [tries.filter(username=name)]
    if address:
        found.append(tries.filter(address=address).exclude(username=WRONG_TOKEN))
    return found


def wait_of(tries, access, now):
    """Return the seconds until there is room for another try, 0 if there is."""
    moments = list(tries.values_list("at", flat=True))
    if len(moments) <= access.login_tries:
        return 0
    ends = moments[-access.login_tries - 1] + datetime.timedelta(seconds=access.login_seconds)
    return max(1, math.ceil((ends - now).total_seconds()))


def name_key(username) -> str:
    """Return what counts as one name: directories and databases may not look at capitals."""
    folded = unicodedata.normalize("NFKC", str(username)).casefold().strip()
    return folded[:NAME_CHARACTERS] or "-"  # "" stands for tokens


def key_of(request) -> str:
    """Return what counts as the address of a request, "" if it has none."""
    return address_key(client_address(request)) if request is not None else ""
