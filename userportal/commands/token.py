"""userportal token: the tokens with which programs use the API."""

import sys

import click

from usagedb import cli, errors
from userportal.access.scopes import SCOPES
from userportal.configuration import find_configuration
from userportal.django_commands import set_up_django
from userportal.own_errors import told_own_errors

MOST_DAYS = 36500


@click.command("token", context_settings=cli.CONTEXT_SETTINGS)
@click.argument("username")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What the token is good for.  [default: jobscripts]",
)
@click.option("--days", type=click.IntRange(1, MOST_DAYS), help="It ends after so many days.")
@click.option("--description", default="", help="What it is for, to know it again.")
@click.option(
    "--adopt",
    is_flag=True,
    help="Read a token that clients have already from stdin, instead of a new one.",
)
@click.option("--list", "wants_list", is_flag=True, help="List the user's tokens.")
@click.option("--revoke", type=int, metavar="NUMBER", help="Revoke the token of that number.")
def command(username, scopes, days, description, adopt, wants_list, revoke):
    """Make a token of the API for a user, and print it: only its digest is kept.

    \b
    Examples:
      userportal token collector --scope jobscripts
      userportal token collector --adopt < token-of-the-old-portal
      userportal token collector --list
    """
    set_up_django()
    from userportal.access import tokens

    with told_own_errors(find_configuration()):
        user = known_user(username)
        if wants_list:
            for token in tokens.tokens_of(user):
                click.echo(token_line(token))
        elif revoke is not None:
            if not tokens.revoke(user, revoke):
                raise errors.MissingInputError(f"{username} has no token {revoke}")
        elif adopt:
            tokens.adopt_token(user, token_of_stdin(), scopes or SCOPES[:1], days, description)
        else:
            click.echo(tokens.make_token(user, scopes or SCOPES[:1], days, description))


def token_of_stdin():
    """Return the token that clients have already. Raises UsageError at a terminal."""
    if not sys.stdin or sys.stdin.isatty():  # what is typed would be seen
        raise errors.UsageError("--adopt reads stdin: userportal token USER --adopt < FILE")
    return sys.stdin.readline().strip()


def known_user(username):
    """Return the user of Django. Raises MissingInputError if there is none."""
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.filter(username=username).first()
    if user is None:
        raise errors.MissingInputError(
            f"no user {username} is known: userportal createsuperuser, or let them log in once"
        )
    return user


def token_line(token):
    """Return what is shown of a stored token."""
    ends = token.expires_at.isoformat() if token.expires_at else "never"
    used = token.last_used_at.isoformat() if token.last_used_at else "never"
    return f"{token.pk}  {token.scopes}  ends {ends}  used {used}  {token.description}".rstrip()
