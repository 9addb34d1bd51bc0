"""The addresses that belong to no module."""

from django.urls import path

from userportal.access.guards import for_everybody
from userportal.web import health, site_icon

urlpatterns = [
    path("favicon.ico", for_everybody(site_icon.icon), name="favicon"),
    path("health/", for_everybody(health.health), name="health"),
    path("watchman/", for_everybody(health.watchman), name="watchman"),
]
