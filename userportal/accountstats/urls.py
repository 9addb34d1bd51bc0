"""The addresses of the pages of accounts."""

from django.urls import path

from userportal.accountstats import views
from userportal.web.converters import register_converters

register_converters()
app_name = "accountstats"
urlpatterns = [
    path("", views.index, name="index"),
    path("<name:account>/", views.account, name="account"),
    path("<name:account>/graph/<slug:graph>.json", views.graph, name="graph"),
]
