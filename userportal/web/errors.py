"""The pages for what went wrong: 400, 403, 404, 500; those who ask for JSON get JSON."""

import logging
import sys

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext

from userportal.access.roles import person_of
from userportal.own_errors import known_error

logger = logging.getLogger(__name__)


def wants_json(request):
    """Tell whether a script asks, not a person."""
    path = request.path
    return path.endswith(".json") or "/graph/" in path or "/api/" in path


def told(request, status, title, text):
    """Return the answer for a failure: title and text are translated and plain."""
    if wants_json(request):
        return JsonResponse({"error": text}, status=status)
    context = {"status": status, "title": title, "text": text}
    return render(request, "web/error.html", context, status=status)


def bad_request(request, exception=None):
    """Tell that the request is not understood."""
    text = gettext("The portal does not understand this request.")
    return told(request, 400, gettext("Bad request"), text)


def forbidden(request, exception=None):
    """Tell that the person may not see this, and what they may see."""
    if person_of(request).is_known:
        text = gettext(
            "You may see your own jobs and storage, and the accounts and projects that you belong "
            "to. What you asked for is somebody else's."
        )
    else:
        text = gettext("You may see this only if you are logged in.")
    return told(request, 403, gettext("Not for you to see"), text)


def not_found(request, exception=None):
    """Tell that there is nothing at this address."""
    text = gettext(
        "There is nothing at this address: it may have a slip, or what it showed is gone."
    )
    return told(request, 404, gettext("Not found"), text)


def stale_form(request, reason=""):
    """Tell that a form was not sent from a page of the portal, or from too old a page."""
    text = gettext(
        "The form was too old, or was not the portal's. Load its page again, then send it."
    )
    return told(request, 403, gettext("Form refused"), text)


def broken(request):
    """Tell that the portal has a fault, or that its own database is away (503); even if the frame
    of the pages is what is broken."""
    if known_error(sys.exc_info()[1], settings.PORTAL):
        status, title = 503, gettext("Not available now")
        text = gettext("What this page shows cannot be reached now. Please try again later.")
    else:
        status, title = 500, gettext("The portal has a fault")
        text = gettext("What went wrong stands in the log of the portal. Please try again later.")
    try:
        return told(request, status, title, text)
    except Exception:  # whatever broke the page may break its frame too
        logger.exception("the page that tells a fault failed")
        plain = loader.get_template("web/plain_error.html")
        return HttpResponse(plain.render({"title": title, "text": text}), status=status)
