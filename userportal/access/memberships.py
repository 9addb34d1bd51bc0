"""Who belongs to which account of Slurm and to which project of virtual machines."""

from django.conf import settings

from userportal.access.allocations import Allocations, allocations_for
from userportal.access.cloud_projects import projects_for
from userportal.access.names import is_username
from userportal.people import People, people_for


def people() -> People:
    """Return the People of this portal."""
    return people_for(settings.PORTAL)


def allocations() -> Allocations:
    """Return the Allocations of this portal: members, managers, amounts."""
    return allocations_for(settings.PORTAL, settings.SOURCES)


def is_member_of_account(username, account) -> bool:
    """Tell whether a user may see all of an account of Slurm.

    It is that of an allocation which has its whole name, or else the part before its first _.
    Raises what Allocations raises.
    """
    return is_username(username) and allocations().is_member(username, account)


def is_member_of_project(username, project) -> bool:
    """Tell whether a user may see the machines of a project. Raises as projects_of does."""
    return project in projects_of(username)


def projects_of(username) -> "list[str]":
    """Return the names of a user's projects, in order; [] without a file of projects.

    Raises ConfigurationError or RefusedError if the file cannot be read.
    """
    path = settings.PORTAL.files.cloud_projects
    if path is None or not is_username(username):
        return []
    return projects_for(path).projects_of(username)


def pi_of_project(project) -> str:
    """Return who answers for a project of virtual machines, its principal investigator.

    "" where the file of projects does not tell it, or there is none. Raises as projects_of does.
    """
    path = settings.PORTAL.files.cloud_projects
    return "" if path is None else projects_for(path).pi_of(project)
