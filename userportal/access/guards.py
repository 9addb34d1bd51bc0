"""Decorators for views: who is not logged in is sent to the login, who may not gets 403."""

import functools

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied

from userportal.access.memberships import is_member_of_account, is_member_of_project
from userportal.access.roles import person_of


def guarded(view, may_see):
    """Return a view that is shown only if may_see(Person, arguments of the URL) says so.

    `view.guard` names the guard: every view of the portal has one, which a test looks for.
    """

    @functools.wraps(view)
    def guarded_view(request, *arguments, **named):
        person = person_of(request)
        if not person.is_known:
            return redirect_to_login(request.get_full_path())
        if not may_see(person, named):
            raise PermissionDenied
        return view(request, *arguments, **named)

    return guarded_view


def for_everybody(view):
    """Let everybody see the view, logged in or not."""
    view.guard = "everybody"
    return view


def guard(name, may_see):
    """Return a decorator of that name."""

    def decorate(view):
        decorated = guarded(view, may_see)
        decorated.guard = name
        return decorated

    return decorate


# The arguments of the URL are those that the rules look at: username, account, project.
for_user = guard("user", lambda person, named: True)
for_owner = guard("owner", lambda person, named: person.may_see_user(named["username"]))
for_account = guard(
    "account",
    lambda person, named: (
        person.is_helper or is_member_of_account(person.username, named["account"])
    ),
)
for_project = guard(
    "project",
    lambda person, named: (
        person.is_helper or is_member_of_project(person.username, named["project"])
    ),
)
for_helper = guard("helper", lambda person, named: person.is_helper)
for_staff = guard("staff", lambda person, named: person.is_staff)
