"""The addresses of the pages of virtual machines."""

from django.urls import path

from userportal.cloudstats import views
from userportal.web.converters import register_converters

register_converters()
app_name = "cloudstats"
urlpatterns = [
    path("", views.index, name="index"),
    path("graph/<slug:graph>.json", views.all_graph, name="all_graph"),
    path("<name:project>/", views.project, name="project"),
    path("<name:project>/graph/<slug:graph>.json", views.project_graph, name="project_graph"),
    path("<name:project>/<uuid:uuid>/", views.instance, name="instance"),
    path("<name:project>/<uuid:uuid>/graph/<slug:graph>.json", views.instance_graph,
         name="instance_graph"),
]  # fmt: skip
