"""manage.py take_over_tokens: keep the tokens of a portal whose tables lie in this database."""

from django.core.management.base import BaseCommand

from userportal.access.token_takeover import take_over_tokens


class Command(BaseCommand):
    """Take over the tokens of the table authtoken_token."""

    help = "Take over the tokens of the table authtoken_token, where they are stored in clear."

    def add_arguments(self, parser):
        """Declare the arguments."""
        parser.add_argument("--delete", action="store_true",
                            help="Remove them there afterwards: another portal needs them no "
                                 "more.")  # fmt: skip

    def handle(self, *arguments, **options):
        """Say how many there were."""
        taken, left = take_over_tokens(delete=options["delete"])
        self.stdout.write(f"{taken} tokens taken over, {left} left out")
