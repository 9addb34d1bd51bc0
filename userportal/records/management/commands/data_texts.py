"""manage.py data_texts: write the texts of conf/ that readers see where makemessages finds them."""

from django.core.management.base import BaseCommand

from userportal.web.data_texts_source import TARGET, module_text


class Command(BaseCommand):
    """Write userportal/web/data_texts.py."""

    help = "Write the texts of the shipped rules and names to where makemessages finds them."

    def handle(self, *arguments, **options):
        """Write the file; nothing is said."""
        TARGET.write_text(module_text(), encoding="utf-8")
