"""Who may see what: the own, an account, a project; helpers read all, staff also write."""

import dataclasses

from django.conf import settings

HELPERS = "helpers"  # the group of Django whose members are helpers


@dataclasses.dataclass(frozen=True)
class Person:
    """Who asks for a page."""

    username: str = ""  # "" for somebody who is not logged in
    full_name: str = ""
    is_staff: bool = False
    is_helper: bool = False  # also every member of the staff

    @property
    def is_known(self):
        """Whether somebody is logged in."""
        return bool(self.username)

    @property
    def roles(self):
        """The roles as words: user, helper, staff."""
        held = {"user": self.is_known, "helper": self.is_helper, "staff": self.is_staff}
        return {name for name, holds in held.items() if holds}

    def may_see_user(self, username):
        """Tell whether the pages of a user may be shown."""
        return self.is_helper or (self.is_known and self.username == username)


def person_of(request):
    """Return the Person of a request; asks the database once a request."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return Person()
    # A token may name another user than the session of the same request.
    number, person = getattr(request, "portal_person", (None, None))
    if number != user.pk:
        person = person_of_user(user)
        request.portal_person = user.pk, person
    return person


def person_of_user(user):
    """Return the Person of a user of Django."""
    name, access = user.get_username(), settings.PORTAL.access
    is_staff = user.is_staff or name in access.staff
    is_helper = is_staff or name in access.helpers or user.groups.filter(name=HELPERS).exists()
    return Person(name, user.get_full_name(), is_staff, is_helper)
