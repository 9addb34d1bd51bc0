"""What there is in the API."""

from rest_framework.response import Response
from rest_framework.reverse import reverse

from userportal.api.base import ApiView
from userportal.api.permissions import IsKnown


class RootView(ApiView):
    """The addresses of the endpoints."""

    permission_classes = [IsKnown]

    def get(self, request):
        """Return them by name."""
        names = ("jobscripts", "jobs", "notes")
        return Response({name: reverse(f"api:{name}", request=request) for name in names})
