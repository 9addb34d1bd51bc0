"""manage.py drf_create_token USER: make a token of the API, as portals have always done."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from usagedb import errors
from userportal.access import tokens
from userportal.access.scopes import SCOPES


class Command(BaseCommand):
    """Make a token of the API for a user."""

    help = "Make a token of the API for a user, and print it: only its digest is kept."

    def add_arguments(self, parser):
        """Declare the arguments."""
        parser.add_argument("username", metavar="USER")
        parser.add_argument("-r", "--reset", action="store_true", dest="reset_token",
                            help="Revoke the user's other tokens.")  # fmt: skip
        parser.add_argument("--scope", action="append", choices=SCOPES, dest="scopes",
                            help="What it is good for; by default everything.")  # fmt: skip
        parser.add_argument("--days", type=int, help="It ends after so many days.")

    def handle(self, *arguments, **options):
        """Print the token. Raises CommandError for an unknown user."""
        users = get_user_model()
        try:
            user = users.objects.get_by_natural_key(options["username"])
        except users.DoesNotExist:
            raise CommandError(f"no user {options['username']} is known") from None
        if options["reset_token"]:
            tokens.revoke_all(user)
        try:
            text = tokens.make_token(user, options["scopes"] or SCOPES, options["days"])
        except errors.UsageError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Generated token {text} for user {user.get_username()}")
