"""The addresses of login and logout: plain names, as Django expects them."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from userportal.access import views
from userportal.access.guards import for_everybody, for_user

urlpatterns = [
    path("login/", for_everybody(views.Login.as_view()), name="login"),
    path("logout/", for_everybody(LogoutView.as_view()), name="logout"),
    path("tokens/", for_user(views.own_tokens), name="tokens"),
]
