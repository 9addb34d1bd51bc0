"""The addresses of the pages of nodes."""

from django.urls import path

from userportal.nodes import views
from userportal.web.converters import register_converters

register_converters()
app_name = "nodes"
urlpatterns = [
    path("", views.index, name="index"),
    path("<node:node>/", views.node, name="node"),
    path("<node:node>/jobs/cores.json", views.jobs_graph, {"unit": "cores"}, name="jobs_cores"),
    path("<node:node>/jobs/gpus.json", views.jobs_graph, {"unit": "gpus"}, name="jobs_gpus"),
    path("<node:node>/graph/<slug:graph>.json", views.graph, name="graph"),
]
