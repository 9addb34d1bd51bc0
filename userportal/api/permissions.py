"""Who is let into the API."""

from rest_framework.permissions import BasePermission

from userportal.access.roles import person_of


class IsKnown(BasePermission):
    """Lets in who has a token or has logged in."""

    def has_permission(self, request, view):
        """Tell whether the request may go on."""
        return person_of(request).is_known


class IsStaff(BasePermission):
    """Lets in staff."""

    def has_permission(self, request, view):
        """Tell whether the request may go on."""
        return person_of(request).is_staff
