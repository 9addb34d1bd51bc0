"""The pages of login and logout, and that of one's own tokens."""

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from userportal.access import tokens
from userportal.access.forms import LoginForm
from userportal.access.names import shown_text
from userportal.access.scopes import SCOPES

FORM_METHODS = {"password", "ldap"}
MOST_TOKENS = 20  # of one user
SCOPE_TITLES = {
    "jobscripts": gettext_lazy("Job scripts"),
    "jobs": gettext_lazy("Jobs"),
    "notes": gettext_lazy("Notes"),
}


class Login(LoginView):
    """The form; where only the web server logs people in, a word about that.

    It leads on to addresses of the portal alone.
    """

    template_name = "web/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get_redirect_url(self):
        """Return where the login leads, "" for the first page; never to itself."""
        url = super().get_redirect_url()
        return "" if url.partition("?")[0] == self.request.path else url

    def get_context_data(self, **named):
        """Add whether there is anything to fill in."""
        has_form = bool(FORM_METHODS & set(settings.PORTAL.access.methods))
        return super().get_context_data(has_form=has_form, **named)

    def form_invalid(self, form):
        """Show the form again; who has to wait is told how long."""
        response = super().form_invalid(form)
        wait_seconds = getattr(self.request, "portal_wait_seconds", 0)
        if wait_seconds:
            response.status_code = 429
            response.headers["Retry-After"] = str(wait_seconds)
        return response


@never_cache
@require_http_methods(["GET", "POST"])
def own_tokens(request):
    """List the user's tokens; make one, whose text is shown this once, or revoke one."""
    made, number = "", request.POST.get("revoke", "")
    held = tokens.tokens_of(request.user)
    if number.isascii() and number.isdigit():
        tokens.revoke(request.user, int(number[:18]))
        return redirect("tokens")
    scopes = [name for name in SCOPES if name in request.POST.getlist("scope")]
    if scopes and len(held) < MOST_TOKENS:
        description = shown_text(request.POST.get("description", ""))
        made = tokens.make_token(request.user, scopes, days_of(request), description)
        held = tokens.tokens_of(request.user)
    context = {"tokens": held, "made": made, "scopes": SCOPE_TITLES,
               "is_full": len(held) >= MOST_TOKENS}  # fmt: skip
    return render(request, "web/tokens.html", context)


def days_of(request):
    """Return after how many days a token is to end: 1 to 366, by default 90."""
    text = request.POST.get("days", "")
    is_number = text.isascii() and text.isdigit() and len(text) < 4
    return min(max(int(text), 1), 366) if is_number else 90
