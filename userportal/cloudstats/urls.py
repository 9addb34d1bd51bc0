"""The addresses of the pages of virtual machines."""

from django.urls import path

from userportal.cloudstats import views

# Clouds let projects be called as one likes, with blanks for instance: names are only looked up.
app_name = "cloudstats"
urlpatterns = [
    path("", views.index, name="index"),
    path("graph/<slug:graph>.json", views.all_graph, name="all_graph"),
    path("<str:project>/", views.project, name="project"),
    path("<str:project>/graph/<slug:graph>.json", views.project_graph, name="project_graph"),
    path("<str:project>/<uuid:uuid>/", views.instance, name="instance"),
    path("<str:project>/<uuid:uuid>/graph/<slug:graph>.json", views.instance_graph,
         name="instance_graph"),
]  # fmt: skip
