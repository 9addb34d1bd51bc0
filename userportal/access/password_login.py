"""Log in with a password that the portal itself has, where the site wants that."""

from django.conf import settings
from django.contrib.auth.backends import ModelBackend


class PasswordBackend(ModelBackend):
    """Django's own, but only if `password` is one of the methods.

    It spends the time of a check for names that it does not know.
    """

    def authenticate(self, request, username=None, password=None):
        """Return the user, or None."""
        if "password" not in settings.PORTAL.access.methods or not username or not password:
            return None
        return super().authenticate(request, username=username, password=password)
