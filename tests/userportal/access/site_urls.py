"""Pages that say who looks, one behind each guard."""

from django.contrib import admin
from django.http import JsonResponse
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from userportal.access import guards
from userportal.access.roles import person_of
from userportal.access.tokens import HasScope


def who(request, **named):
    """Say who looks."""
    person = person_of(request)
    return JsonResponse(
        {"name": person.username, "full_name": person.full_name, "roles": sorted(person.roles)}
    )


class Scripts(APIView):
    """A part of the API with a scope."""

    permission_classes = [IsAuthenticated, HasScope]
    required_scope = "jobscripts"

    def get(self, request):
        """Say who asks."""
        return Response(
            {"name": request.user.get_username(), "person": person_of(request).username}
        )


class Unscoped(Scripts):
    """A part of the API that forgot its scope."""

    required_scope = None


urlpatterns = [
    path("", guards.for_everybody(who), name="home"),
    path("user/", guards.for_user(who)),
    path("owner/<username>/", guards.for_owner(who)),
    path("account/<account>/", guards.for_account(who)),
    path("project/<project>/", guards.for_project(who)),
    path("helper/", guards.for_helper(who)),
    path("staff/", guards.for_staff(who)),
    path("api/jobscripts/", Scripts.as_view()),
    path("api/unscoped/", Unscoped.as_view()),
    path("accounts/", include("userportal.access.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path("", include("userportal.web.urls")),
]
