"""The menu beside every page: what there is for whom."""

import dataclasses

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy

from usagedb import errors
from userportal.access.memberships import people


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the menu; `role` is everybody, user (who is logged in), helper or staff."""

    title: str
    view: str  # the name of the URL, without arguments or with the user's own name
    module: str
    role: str = "user"
    own_name: bool = False  # the URL takes the user's name


@dataclasses.dataclass(frozen=True)
class Shown:
    """An Entry as it stands in a page."""

    title: str
    url: str
    is_current: bool


ENTRIES = (
    Entry(gettext_lazy("Search"), "search:search", "search", role="helper"),
    Entry(gettext_lazy("Summary"), "usersummary:user", "usersummary", own_name=True),
    Entry(gettext_lazy("My jobs"), "jobstats:user", "jobstats", own_name=True),
    Entry(gettext_lazy("My accounts"), "accountstats:index", "accountstats"),
    Entry(gettext_lazy("Storage"), "quotas:user", "quotas", own_name=True),
    Entry(gettext_lazy("Virtual machines"), "cloudstats:index", "cloudstats"),
    Entry(gettext_lazy("Top users"), "top:index", "top", role="helper"),
    Entry(gettext_lazy("Nodes"), "nodes:index", "nodes", role="helper"),
    Entry(gettext_lazy("Notes"), "notes:index", "notes", role="staff"),
    Entry(gettext_lazy("Scheduler"), "slurmstats:index", "slurmstats", role="helper"),
    Entry(gettext_lazy("Software"), "suite:modules", "suite", role="helper"),
    Entry(gettext_lazy("File systems"), "pages:filesystems", "pages", role="everybody"),
    Entry(gettext_lazy("Login nodes"), "pages:logins", "pages", role="everybody"),
    Entry(gettext_lazy("Transfer nodes"), "pages:dtns", "pages", role="everybody"),
    Entry(gettext_lazy("Use of the cluster"), "pages:scheduler", "pages", role="everybody"),
    Entry(gettext_lazy("Use of software"), "pages:software", "pages", role="everybody"),
)


def menu_of(person, portal, path):
    """Return the entries for a Person as they are shown on the page with this path."""
    roles = {"everybody"} | person.roles
    wanted, has_own = portal.portal.modules, has_own_pages(person)
    found = []
    for entry in ENTRIES:
        if entry.role not in roles or (wanted and entry.module not in wanted):
            continue
        if entry.own_name and not has_own:
            continue
        try:
            url = reverse(entry.view, args=[person.username] if entry.own_name else [])
        except NoReverseMatch:  # a module that is not installed
            continue
        found.append(Shown(str(entry.title), url, path.startswith(url)))
    return found


def has_own_pages(person):
    """Tell whether somebody can have jobs and files: an account of the portal alone has no uid."""
    try:
        return person.is_known and people().uid_of(person.username) is not None
    except errors.UsageDBError:  # the pages will say that the directory is away
        return True
