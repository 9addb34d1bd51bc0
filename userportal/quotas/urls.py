"""The addresses of the pages of storage."""

from django.urls import path

from userportal.quotas import views
from userportal.web.converters import register_converters

register_converters()
app_name = "quotas"
urlpatterns = [
    path("", views.index, name="index"),
    path("project/<name:project>/", views.project, name="project"),
    # A kind of place is called as the site likes: it is only looked up.
    path("project/<name:project>/graph/<str:kind>/<slug:unit>.json", views.project_graph,
         name="project_graph"),
    path("<name:username>/", views.user, name="user"),
    path("<name:username>/<str:kind>/<name:name>/<slug:unit>.json", views.graph, name="graph"),
]  # fmt: skip
