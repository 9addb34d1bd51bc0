"""The addresses of the public pages."""

from django.urls import include, path

from userportal.pages import views
from userportal.web.converters import register_converters

register_converters()
pages = (
    [
        path("", views.home, name="home"),
        path("filesystems/", views.filesystems, name="filesystems"),
        path("filesystems/graph/<node:name>/<slug:graph>.json", views.filesystem_graph,
             name="filesystem_graph"),
        path("logins/", views.logins, name="logins"),
        path("logins/graph/<node:name>/<slug:graph>.json", views.login_graph, name="login_graph"),
        path("dtns/", views.dtns, name="dtns"),
        path("dtns/graph/<node:name>/<slug:graph>.json", views.dtn_graph, name="dtn_graph"),
        path("scheduler/", views.scheduler, name="scheduler"),
        path("scheduler/graph/<slug:graph>.json", views.scheduler_graph, name="scheduler_graph"),
        path("software/", views.software_page, name="software"),
        path("software/graph/<slug:graph>.json", views.software_graph, name="software_graph"),
    ],
    "pages",
)  # fmt: skip
urlpatterns = [path("", views.home, name="home"), path("", include(pages))]
