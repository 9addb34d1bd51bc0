"""The addresses of the search."""

from django.urls import path

from userportal.search import views

app_name = "search"
urlpatterns = [
    path("", views.search, name="search"),
    path("query", views.query, name="query"),
]
