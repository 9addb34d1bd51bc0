"""The addresses of what comes from the other tools' databases."""

from django.urls import path

from userportal.suite_pages import views
from userportal.web.converters import register_converters

register_converters()
app_name = "suite"
urlpatterns = [
    path("modules/", views.modules, name="modules"),
    path("<name:username>/<int:job_id>/timeline.json", views.process_timeline, name="timeline"),
    path("<name:username>/<int:job_id>/processes.html", views.process_page, name="processes"),
]
