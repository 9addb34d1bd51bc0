"""The form of the login."""

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy


class LoginForm(AuthenticationForm):
    """Name and password; what it tells is the same for names that there are and are not."""

    error_messages = {
        "invalid_login": gettext_lazy("This name and this password do not go together."),
        "inactive": gettext_lazy("This name and this password do not go together."),
        "too_many": gettext_lazy(
            "There were too many failed tries. Please wait a few minutes and try again."
        ),
        "away": gettext_lazy("Passwords cannot be checked now. Please try again later."),
    }

    def get_invalid_login_error(self):
        """Return why nobody was logged in."""
        code = "invalid_login"
        if getattr(self.request, "portal_wait_seconds", 0):
            code = "too_many"
        elif getattr(self.request, "portal_directory_is_away", False):
            code = "away"
        return ValidationError(self.error_messages[code], code=code)
