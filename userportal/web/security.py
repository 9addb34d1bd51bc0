"""The headers that keep a page to what the portal itself serves."""

from urllib.parse import urlsplit

from django.conf import settings

# The hash is that of nothing: plotly makes an empty <style> and adds its rules by script.
EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": f"'self' {EMPTY_STYLE}",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def policy(logout_url):
    """Return the content security policy; a form may lead to where one logs out of all."""
    parts = urlsplit(logout_url)
    origin = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    values = {**POLICY, "form-action": POLICY["form-action"] + origin}
    return "; ".join(f"{name} {value}" for name, value in values.items())


class SecurityHeaders:
    """Middleware that sets HEADERS on every answer; what is not a static file is kept nowhere."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        text = policy(settings.PORTAL.access.logout_url)
        response.headers.setdefault("Content-Security-Policy", text)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store, private")
        return response
