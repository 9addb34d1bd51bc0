"""The addresses of the pages of storage."""

from django.urls import path

from userportal.quotas import views
from userportal.web.converters import register_converters

register_converters()
app_name = "quotas"
urlpatterns = [
    path("", views.index, name="index"),
    path("project/<name:project>/", views.project, name="project"),
    path("<name:username>/", views.user, name="user"),
    path("<name:username>/<slug:kind>/<name:name>/<slug:unit>.json", views.graph, name="graph"),
]
