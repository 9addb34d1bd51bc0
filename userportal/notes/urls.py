"""The addresses of the notes."""

from django.urls import path

from userportal.access.guards import for_staff
from userportal.notes import views

app_name = "notes"
urlpatterns = [
    path("", for_staff(views.index), name="index"),
    path("new/", for_staff(views.new), name="new"),
    path("<int:number>/", for_staff(views.note), name="note"),
]
