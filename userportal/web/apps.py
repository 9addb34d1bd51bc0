"""The application that Django finds the shared template tags by."""

from django.apps import AppConfig

from userportal.web.converters import register_converters


class WebConfig(AppConfig):
    """What all pages share."""

    name = "userportal.web"
    label = "web"

    def ready(self):
        """Make the converters of URLs known, before any URL is read."""
        register_converters()
