"""The addresses of the pages about those who use most."""

from django.urls import path
from django.views.generic import RedirectView

from userportal.access.guards import for_helper
from userportal.top import views
from userportal.web.converters import register_converters

register_converters()
app_name = "top"
urlpatterns = [
    path("", for_helper(RedirectView.as_view(pattern_name="top:compute")), name="index"),
    path("compute/", views.compute, name="compute"),
    path("gpucompute/", views.gpucompute, name="gpucompute"),
    path("largemem/", views.largemem, name="largemem"),
    path("lustre/", views.lustre, name="lustre"),
    path("lustre/<node:name>/<slug:graph>.json", views.lustre_graph, name="lustre_graph"),
]
