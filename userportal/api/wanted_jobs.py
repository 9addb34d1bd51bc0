"""Which jobs a request may see, and which of them it wants."""

import re

from rest_framework.exceptions import ParseError, PermissionDenied

from usagedb import errors
from userportal.access.memberships import is_member_of_account, people
from userportal.access.owners import names_in_slurm
from userportal.slurm import states
from userportal.slurm.model import JobFilter

LONGEST_NAME = 255
LONGEST_STATUS = 500
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def wanted_jobs(person, parameters, slurm, text=""):
    """Return the JobFilter of a request by a Person; None if there can be no such job.

    Helpers and staff see all, by account and by user name if they want; who belongs to an account
    sees all of its jobs, by user name too; everybody the own. Raises ParseError, PermissionDenied
    for a name whose jobs one may not see, and what asking for names raises.
    """
    account, username = name_in(parameters, "account"), name_in(parameters, "username")
    wanted_states = states_in(parameters)
    user_id = None
    if not (person.is_helper or account and is_member_of_account(person.username, account)):
        # Also for names that nobody has: who has jobs here is not told.
        if username not in ("", person.username):
            raise PermissionDenied("username: these are not your jobs")
        if account:
            return None
        username = person.username
    if username and (user_id := uid_of(username, slurm)) is None:
        return None
    names = names_in_slurm(slurm, people(), username, user_id) if username else ()
    return JobFilter(user_id, account or None, states=wanted_states, text=text, usernames=names)


def may_see_job(person, job, slurm):
    """Tell whether a Person may see one Job."""
    if person.is_helper:
        return True
    own_id = uid_of(person.username, slurm)
    if job.user_id == own_id:
        names = names_in_slurm(slurm, people(), person.username, own_id)
        if slurm.without_others([job], names):
            return True
    return bool(job.account) and is_member_of_account(person.username, job.account)


def uid_of(username, slurm):
    """Return the uid of a user name: of the directory, else of the user's newest job; or None."""
    known = people().uid_of(username)
    return slurm.user_id(username) if known is None else known


def name_in(parameters, name):
    """Return a name of the query, "" if it has none. Raises ParseError."""
    value = parameters.get(name, "")
    if len(value) > LONGEST_NAME or CONTROL.search(value):
        raise ParseError(f"{name}: no name")
    return value.strip()


def states_in(parameters):
    """Return the numbers of the states in the query, () for all. Raises ParseError."""
    text = parameters.get("status", "")
    if len(text) > LONGEST_STATUS:
        raise ParseError("status: too long")
    try:
        return states.codes(text)
    except errors.UsageError as error:
        raise ParseError(f"status: {error}") from None
