"""Find users, accounts and groups with quotas by a part of their names, jobs by their numbers."""

import dataclasses
import re

from django.conf import settings
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.guards import for_helper
from userportal.access.memberships import people
from userportal.access.owners import owners_of
from userportal.search.groups import found_groups
from userportal.slurm import jobset

KINDS = ("all", "users", "slurm", "quotas")
LONGEST_QUERY = 100
JOB_NUMBER = re.compile(r"\d{1,10}", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Result:
    """One job, user, account or group that was found."""

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
    """Return at most `limit` Results of the kinds that are asked for, those nearest first."""
    found = []
    if kind == "all":
        found += jobs(text, limit)
    if kind in ("all", "users"):
        found += users(text, limit)
    names = []
    if kind != "users" and settings.SOURCES.has("slurm"):
        with settings.SOURCES.slurm() as slurm:
            names = slurm.find_accounts(text, limit)
    if kind in ("all", "slurm"):
        found += accounts(names)
    if kind in ("all", "quotas"):
        found += groups(text, [one.name for one in names])
    return sorted(found, key=lambda one: distance(one.username, text))[:limit]


def distance(name, text):
    """Return 0 for the name that was asked for, 1 for one that begins so, 2 for others."""
    name, text = name.lower(), text.lower()
    return 0 if name == text else 1 if name.startswith(text) else 2


def jobs(text, limit):
    """Return the job that a text is the number of, or the first tasks: 123_4, 123_[1,3-5].

    None for another text.
    """
    if not settings.SOURCES.has("slurm"):
        return []
    try:
        tasks = jobset.tasks(text)
        numbers = jobset.parse(text) if JOB_NUMBER.fullmatch(text) else []
    except errors.UsageError:  # a number that no job can have, or too many tasks
        return []
    if not tasks and not numbers:
        return []
    with settings.SOURCES.slurm() as slurm:
        found = (slurm.tasks(*tasks) if tasks else slurm.jobs(numbers))[:limit]
        owners = owners_of(slurm, people(), found)
    return [job_result(job, owners[job.db_index]) for job in found]


def job_result(job, name):
    """Return the Result of a job, which is on the page of the user of a name, or None."""
    link = address("jobstats:job", name, str(job.job_id)) if name else ""
    what = f"{job.name} · {name or job.user_id}"
    return Result(gettext("Job"), "cpu", what, job.display_id, link)


def users(text, limit):
    """Return the users whose name or full name has a text; those of Slurm where no others are."""
    entries = {one.username: one.full_name or "" for one in people().search(text, limit)}
    pages = dict.fromkeys(entries, "usersummary:user")
    if settings.SOURCES.has("slurm"):
        with settings.SOURCES.slurm() as slurm:
            named = [name for name in slurm.users() if text.lower() in name.lower()]
        for name in sorted(named, key=lambda one: distance(one, text))[:limit]:
            entries.setdefault(name, "")
            pages.setdefault(name, page_of(name))
    return [
        Result(gettext("User"), "user", full_name, name, address(pages[name], name))
        for name, full_name in sorted(entries.items())
    ]


def page_of(username):
    """Return the view of a user: of one who left there are the jobs alone."""
    return "jobstats:user" if people().uid_of(username) is None else "usersummary:user"


def accounts(entries):
    """Return the Results of accounts of Slurm."""
    return [
        Result(
            gettext("Account"), "users", one.description, one.name,
            address("accountstats:account", one.name),
        )
        for one in entries
    ]  # fmt: skip


def groups(text, names):
    """Return the groups with quotas that have a text in their name; names: accounts of Slurm."""
    return [
        Result(
            gettext("Storage"), "hard-drive", one.description, one.name,
            address("quotas:project", one.name),
        )
        for one in found_groups(text, names)
    ]  # fmt: skip


def address(view, *names):
    """Return the address of a page about a name; "" if there is no such page."""
    try:
        return reverse(view, args=names)
    except NoReverseMatch:
        return ""
