"""The addresses of the API.

Whoever is not let in gets 401 or 403 here, and no login page: the names of guards say who is.
"""

from django.urls import path

from userportal.api.jobs import JobsView, JobView
from userportal.api.jobscripts import JobScriptsView
from userportal.api.notes import NotesView
from userportal.api.root import RootView

app_name = "api"
ALL, ONE = (
    {"get": "list", "post": "create"},
    {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"},
)
READ_ALL, READ_ONE = {"get": "list"}, {"get": "retrieve"}


def guarded(view, guard):
    """Return a view of REST framework with the name of who is let in by its permissions."""
    view.guard = guard
    return view


urlpatterns = [
    path("", guarded(RootView.as_view(), "user"), name="root"),
    path("jobscripts/", guarded(JobScriptsView.as_view(ALL), "staff"), name="jobscripts"),
    path("jobscripts/<int:pk>/", guarded(JobScriptsView.as_view(ONE), "staff"), name="jobscript"),
    path("jobs/", guarded(JobsView.as_view(), "user"), name="jobs"),
    path("jobs/<int:job_id>/", guarded(JobView.as_view(), "user"), name="job"),
    path("notes/", guarded(NotesView.as_view(READ_ALL), "staff"), name="notes"),
    path("notes/<int:pk>/", guarded(NotesView.as_view(READ_ONE), "staff"), name="note"),
]
