"""What happens at every login, whatever its method."""

from django.contrib.auth.signals import user_logged_in

from userportal.access import throttle
from userportal.access.given_roles import give_roles


def connect():
    """Listen to logins; more than once is once."""
    user_logged_in.connect(at_login, dispatch_uid="userportal.access")


def at_login(sender, request, user, **_named):
    """Give the roles of now, and forget the failed tries."""
    identity = getattr(request, "portal_identity", None)
    give_roles(user, identity.affiliations if identity else frozenset())
    throttle.forget_name(user.get_username())
