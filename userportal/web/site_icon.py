"""The pages' icon: the site's own file, or ours."""

from django.conf import settings
from django.http import FileResponse, Http404
from django.shortcuts import redirect
from django.templatetags.static import static

KINDS = {".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon"}


def icon(request):
    """Send the configured icon, or lead to ours. Raises Http404 for a file that is not there."""
    path = settings.PORTAL.portal.icon
    if path is None:
        return redirect(static("portal/icon.svg"))
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise Http404
    try:
        answer = FileResponse(path.open("rb"), content_type=kind)
    except OSError as error:
        raise Http404 from error
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer
