"""The addresses of the gallery: a page with every part, and what its scripts ask for."""

import json
import re

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import RequestContext, Template
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from tests.userportal.web.gallery_data import FINDINGS, SCRIPT, jobs_answer, series
from usagedb.errors import UnavailableError
from userportal.access.guards import for_everybody
from userportal.analysis.findings import Finding
from userportal.web.graphs import graph_response

NOON = 1_795_262_400  # 2026-11-21 12:00 UTC
asked = []  # the queries that the graphs were asked with


def gallery(request):
    """Show every part."""
    context = {"findings": FINDINGS, "script": SCRIPT, "noon": NOON, "share": 42.3}
    return render(request, "gallery.html", context)


def rendered(request):
    """Send what a template makes of a context; both are in the query, `found` are Findings."""
    context = json.loads(request.GET["context"])
    if "found" in context:
        context["found"] = [Finding(**found) for found in context["found"]]
    template = Template("{% load portal %}" + request.GET["template"])
    return HttpResponse(template.render(RequestContext(request, context)))


def one_graph(request):
    """Show one graph, whose address is in the query."""
    return render(request, "one_graph.html", {"url": request.GET["url"]})


def graph(request, name):
    """Send a graph; `flaky` fails twice before."""
    asked.append(f"{name}?{request.GET.urlencode()}")
    if name == "flaky" and sum(text.startswith("flaky") for text in asked) < 3:
        return HttpResponse("busy", status=503)
    if name == "down":
        return JsonResponse({"error": "The history does not answer."}, status=503)
    if name == "nothing":
        return graph_response({"data": [], "layout": {}})
    if name == "hostile":
        return graph_response(series(NOON, 3600, ["<img src=x onerror=alert(1)>", "=1+1"]))
    if name == "bug":
        return HttpResponse("<h1>500</h1>", status=500)
    end = int(request.GET.get("end", NOON))
    start = int(request.GET.get("start", end - int(request.GET.get("delta", 86_400))))
    names = {"memory": ["Allocated", "Used"], "many": [f"core {n}" for n in range(12)]}
    if found := re.fullmatch("many([0-9]+)", name):  # as many jobs, with names of their length
        names[name] = [f"{4100000 + n} longername{n:02}" for n in range(int(found[1]))]
    return graph_response(series(end, end - start, names.get(name, ["Requested", "Used"])))


def what_was_asked(request):
    """Send the queries of the graphs so far, and forget them."""
    found = list(asked)
    asked.clear()
    return JsonResponse(found, safe=False)


def fail(request, kind):
    """Fail in one of the ways in which a view can."""
    raise {
        "400": SuspiciousOperation, "403": PermissionDenied, "500": ZeroDivisionError,
        "503": UnavailableError,
    }[kind]("db7.int.example.org does not answer")  # fmt: skip


def jobs(request):
    """Send jobs as the API does; "busy" refuses twice before, as to who asks too much at once."""
    if request.GET.get("search[value]") == "break":
        return HttpResponse("broken", status=500)
    if request.GET.get("search[value]") == "busy":
        asked.append("jobs")
        if asked.count("jobs") < 3:
            detail = {"detail": "Request was throttled."}
            return JsonResponse(detail, status=429, headers={"Retry-After": "1"})
    return JsonResponse(jobs_answer(request.GET))


urlpatterns = [
    path("", gallery, name="home"),
    path("one/", one_graph),
    path("rendered/", rendered),
    path("node/<node:node>/", gallery),
    path("asked/", what_was_asked),
    path("graph/<str:name>.json", graph),
    path("api/jobs/", jobs),
    path("fail/<str:kind>/", fail),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", for_everybody(JavaScriptCatalog.as_view()), name="javascript-catalog"),
    path("jobs/", include("tests.userportal.web.gallery_jobs", namespace="jobstats")),
    path("", include("userportal.web.urls")),
]
handler400 = "userportal.web.errors.bad_request"
handler403 = "userportal.web.errors.forbidden"
handler404 = "userportal.web.errors.not_found"
handler500 = "userportal.web.errors.broken"
