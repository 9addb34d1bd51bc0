"""The application that Django knows the portal's tables by."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Job scripts, notes and tokens."""

    name = "userportal.records"
    label = "records"

    def ready(self):
        """Listen to logins."""
        from userportal.access import login_signals

        login_signals.connect()
