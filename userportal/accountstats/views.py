"""The pages of accounts, and their graphs as JSON."""

from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext

from userportal.access.guards import for_account, for_user
from userportal.access.memberships import allocations
from userportal.access.roles import person_of
from userportal.accountstats.graphs import AccountContext
from userportal.accountstats.registry import ACCOUNT_GRAPHS
from userportal.graphs.drawing import draw
from userportal.jobstats.graph_views import asked_kind, least_step, not_here
from userportal.jobstats.views import no_metrics
from userportal.metrics.window import window_from
from userportal.notes.of import notes_about
from userportal.slurm.names import resource_of
from userportal.web.graphs import graph_response
from userportal.web.knowledge import gpu_models


def graphs_of(account):
    """Return the Kinds of graphs of an account: those of GPUs unless it has cores alone."""
    has_gpus = may_have_gpus(account, allocations().compute_of_account(account))
    return [
        kind
        for kind in ACCOUNT_GRAPHS
        if settings.PORTAL.has_exporter(kind.exporter) and (kind.block != "gpu" or has_gpus)
    ]


def may_have_gpus(account, amounts):
    """Tell whether jobs of an account with these ComputeAmounts may have GPUs.

    One that has neither amounts nor cpu or gpu in its name is not limited to either.
    """
    if any(one.resource == "gpu" for one in amounts):
        return True
    return not resource_of(account) and all(one.amount is None for one in amounts)


@for_user
def index(request):
    """Show the accounts of who asks."""
    amounts = allocations().compute_of_user(person_of(request).username)
    return render(request, "accountstats/index.html", {"amounts": amounts})


@for_account
def account(request, account):
    """Show one account: what it was given, its members, its graphs and jobs."""
    with settings.SOURCES.slurm() as slurm:
        if not slurm.account_exists(account):
            raise Http404(gettext("There is no such account."))
    given = allocations()
    person = person_of(request)
    context = {
        "account": account,
        "amounts": given.compute_of_account(account),
        "members": given.members_of(account),
        "managers": given.managers_of(account),
        "graphs": graphs_of(account) if settings.SOURCES.metrics else [],
        "missing_metrics": "" if settings.SOURCES.metrics else no_metrics(),
        "notes": notes_about(account=account) if person.is_staff else [],
    }
    return render(request, "accountstats/account.html", context)


@for_account
def graph(request, account, graph):
    """Answer with a graph of an account."""
    kind = asked_kind(ACCOUNT_GRAPHS, graphs_of(account), graph)
    if kind is None:
        return not_here(False)
    shown = window_from(request.GET, kind.seconds, minimum_step=least_step(kind))
    amounts = {one.resource: one.amount for one in allocations().compute_of_account(account)}
    context = AccountContext(
        account, settings.PORTAL, gpu_models(), amounts.get("gpu" if "gpu" in graph else "cpu")
    )
    return graph_response(draw(settings.SOURCES.metrics, kind.draw(context), shown))
