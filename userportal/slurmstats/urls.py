"""The addresses of the pages about the scheduler."""

from django.urls import path

from userportal.slurmstats import views

app_name = "slurmstats"
urlpatterns = [
    path("", views.index, name="index"),
    path("account_priority/", views.account_priority, name="account_priority"),
    path("account_priority.json", views.account_priority_json, name="account_priority_json"),
    path("graph/<str:graph>.json", views.graph, name="graph"),
    path("job_length/length.json", views.length_json, name="length_json"),
    path("job_length/timeout.json", views.timeout_json, name="timeout_json"),
    path("account_list.json", views.account_list_json, name="account_list_json"),
]
