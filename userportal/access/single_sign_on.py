"""Log in whom the web server vouches for, and out whom it no longer does."""

import logging

from django.contrib import auth
from django.contrib.auth.backends import ModelBackend

from usagedb import errors
from userportal.access.identity import Identity, identity_of
from userportal.access.users import user_for

logger = logging.getLogger(__name__)

MARK = "portal_identity"  # in the session: what the web server said at login


class TrustedBackend(ModelBackend):
    """Takes an Identity for proof; no form can hand one over."""

    def authenticate(self, request, identity=None):
        """Return the user of an Identity, made at the first login; None for who stays out."""
        if not isinstance(identity, Identity):
            return None
        return user_for(identity.username, identity.full_name)


class SingleSignOn:
    """Middleware: the Identity of a request becomes its user.

    A session lives on where the web server says nothing, since it guards only a part of the
    pages; where it names somebody else, or somebody who is not believed, the session ends.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        try:
            identity = identity_of(request)
        except errors.UsageDBError as error:  # also trusted_proxies that cannot be
            logger.warning("login by the web server refused: %s", error)
            auth.logout(request)
        else:
            if identity is not None:
                log_in(request, identity)
        return self.get_response(request)


def log_in(request, identity):
    """Make an Identity the user of a request and of its session, if it is not already.

    A session of another user is emptied; that of a stranger goes on under another key.
    """
    is_same = request.user.is_authenticated and request.user.get_username() == identity.username
    if is_same and request.session.get(MARK) == identity.mark():
        return
    user = auth.authenticate(request, identity=identity)
    if user is None:
        auth.logout(request)
        return
    request.portal_identity = identity
    auth.login(request, user)
    request.session[MARK] = identity.mark()
