"""Find users and accounts by a part of their names."""

import dataclasses

from django.conf import settings
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from userportal.access.guards import for_helper
from userportal.access.memberships import people

KINDS = ("all", "users", "slurm")
LONGEST_QUERY = 100


@dataclasses.dataclass(frozen=True)
class Result:
    """One user or account that was found."""

    typetext: str
    typefeathericon: str
    name: str
    username: str
    hyperlink: str


@for_helper
def search(request):
    """Show what was found."""
    return render(request, "search/search.html", {**found_of(request), "kinds": KINDS})


@for_helper
def query(request):
    """Answer with what was found as {query, results, truncated}."""
    found = found_of(request)
    return JsonResponse(
        {
            "query": found["query"],
            "results": [dataclasses.asdict(one) for one in found["results"]],
            "truncated": found["truncated"],
        }
    )


def found_of(request):
    """Return what a request asks for, and what was found of it; nothing for a query of blanks."""
    text = request.GET.get("query", "").strip()[:LONGEST_QUERY]
    kind = request.GET.get("filtertype", "all")
    kind = kind if kind in KINDS else "all"
    limit = settings.PORTAL.limits.search_results
    results = list(results_of(text, kind, limit + 1)) if text else []
    return {
        "query": text, "kind": kind, "results": results[:limit], "truncated": len(results) > limit,
    }  # fmt: skip


def results_of(text, kind, limit):
    """Return at most `limit` Results of each kind that is asked for."""
    found = []
    if kind in ("all", "users"):
        found += users(text, limit)
    if kind in ("all", "slurm") and settings.SOURCES.has("slurm"):
        found += accounts(text, limit)
    return found[:limit]


def users(text, limit):
    """Return the users whose name or full name has a text; those of Slurm where no others are."""
    entries = {one.username: one.full_name or "" for one in people().search(text, limit)}
    if settings.SOURCES.has("slurm"):
        with settings.SOURCES.slurm() as slurm:
            named = [name for name in slurm.users() if text.lower() in name.lower()]
        for name in named[:limit]:
            entries.setdefault(name, "")
    return [
        Result(gettext("User"), "user", full_name, name, address("usersummary:user", name))
        for name, full_name in sorted(entries.items())
    ]


def accounts(text, limit):
    """Return the accounts of Slurm that have a text in their name."""
    with settings.SOURCES.slurm() as slurm:
        entries = slurm.find_accounts(text, limit)
    return [
        Result(
            gettext("Account"), "users", one.description, one.name,
            address("accountstats:account", one.name),
        )
        for one in entries
    ]  # fmt: skip


def address(view, name):
    """Return the address of a page about a name; "" if there is no such page."""
    try:
        return reverse(view, args=[name])
    except NoReverseMatch:
        return ""
