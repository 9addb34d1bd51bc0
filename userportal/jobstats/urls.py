"""The addresses of the pages of jobs."""

from django.urls import path

from userportal.jobstats import graph_views, views
from userportal.web.converters import register_converters

register_converters()
app_name = "jobstats"
urlpatterns = [
    path("", views.index, name="index"),
    path("<name:username>/", views.user, name="user"),
    path("<name:username>/graph/<slug:graph>.json", graph_views.user_graph, name="user_graph"),
    path("<name:username>/<jobset:job_id>/", views.job, name="job"),
    path(
        "<name:username>/<jobset:job_id>/graph/<slug:graph>.json",
        graph_views.job_graph,
        name="job_graph",
    ),
    path("<name:username>/<jobset:job_id>/value/cost.json", graph_views.cost, name="cost"),
    path("<name:username>/<jobset:job_id>/report.txt", views.report, name="report"),
]
