"""The addresses of the summary of a user."""

from django.urls import path

from userportal.usersummary import views
from userportal.web.converters import register_converters

register_converters()
app_name = "usersummary"
urlpatterns = [
    path("", views.index, name="index"),
    path("<name:username>/", views.user, name="user"),
]
