"""Stand-ins for the pages of users and of jobs, which tables link to."""

from django.http import HttpResponse
from django.urls import path


def told(request, **arguments):
    """Send the arguments of the URL."""
    return HttpResponse(repr(arguments), content_type="text/plain")


app_name = "jobstats"
urlpatterns = [
    path("<name:username>/", told, name="user"),
    path("<name:username>/<jobset:job_id>/", told, name="job"),
]
