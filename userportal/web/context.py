"""What every template may need: the cluster, the menu, and who is looking."""

from django.conf import settings

from userportal.access.roles import person_of
from userportal.plotly_script import style_names
from userportal.web.menu import has_own_pages, menu_of


def of_every_page(request):
    """Return the context that base.html needs."""
    portal = settings.PORTAL
    person = person_of(request)
    return {
        "cluster": portal.portal.cluster,
        "portal_title": portal.portal.title or portal.portal.cluster,
        "is_demo": portal.portal.demo,
        "person": person,
        "has_own_pages": has_own_pages(person),
        "menu": menu_of(person, portal, request.path),
        "links": portal.links,
        "other_portals": portal.other_portals,
        "plotly_style_names": style_names(),
    }
