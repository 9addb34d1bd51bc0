"""The addresses of the portal: one line a module."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from userportal.access.guards import for_everybody
from userportal.sections import SECURE_MODULES

ADDRESSES = {"slurmstats": "slurm"}
PACKAGES = {"suite": "suite_pages"}  # userportal.suite are the queries, without Django


def is_shown(module):
    """Tell whether the site wants a module."""
    wanted = settings.PORTAL.portal.modules
    return not wanted or module in wanted


def secure_urls():
    """Return the addresses of the modules that are shown."""
    shown = {
        ADDRESSES.get(module, module): f"userportal.{PACKAGES.get(module, module)}.urls"
        for module in SECURE_MODULES
        if is_shown(module)
    }
    return [path(f"secure/{address}/", include(urls)) for address, urls in shown.items()]


urlpatterns = [
    path("", include("userportal.pages.urls")),
    *secure_urls(),
    path("api/", include("userportal.api.urls")),
    path("accounts/", include("userportal.access.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", for_everybody(JavaScriptCatalog.as_view()), name="javascript-catalog"),
    path("", include("userportal.web.urls")),
]

handler400 = "userportal.web.errors.bad_request"
handler403 = "userportal.web.errors.forbidden"
handler404 = "userportal.web.errors.not_found"
handler500 = "userportal.web.errors.broken"
