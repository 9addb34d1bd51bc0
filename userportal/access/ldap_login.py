"""Log in with the name and the password that the directory has."""

import logging

from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from usagedb import errors
from userportal.access.ldap_directory import directory_for
from userportal.access.users import user_for

logger = logging.getLogger(__name__)


class LdapBackend(ModelBackend):
    """Asks the directory of [ldap]; an empty password is never right."""

    def authenticate(self, request, username=None, password=None):
        """Return the user, made at the first login; None if name or password are wrong.

        If the directory does not answer, the request is marked, so that the form can tell.
        """
        portal = settings.PORTAL
        if "ldap" not in portal.access.methods or not username or not password:
            return None
        try:
            name = directory_for(portal.ldap).login(username, password)
        except errors.UsageDBError as error:
            logger.error("login by LDAP: %s", error)
            if request is not None:
                request.portal_directory_is_away = True
            return None
        return user_for(name) if name else None
