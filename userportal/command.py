"""The command userportal: reports of jobs in a shell, and what the web portal is run with."""

import importlib
import os

import click

from usagedb import cli
from userportal.configuration import VARIABLE

SIGNALLED = 128  # the status of who is ended by a signal is this and its number
# Each is a module of userportal.commands with a click command `command`; imported when it is asked.
COMMANDS = {
    "job": "Report how well jobs used what they asked for.",
    "user": "Report a user's jobs.",
    "account": "Report an account's jobs and users.",
    "top": "List who uses most, and what of it is wasted.",
    "check": "Say of every data source whether it answers, and what will be missing.",
    "token": "Make, adopt, list or revoke a token of the API.",
    "jobscripts": "Send the scripts of new jobs to the portal (on the machine of slurmctld).",
    "demo": "Make a made-up cluster, and show the portal on it.",
    "serve": "Serve the portal with gunicorn.",
}
# Of Django, shown because an administrator needs them; every other one works as well.
DJANGO_COMMANDS = {
    "migrate": "Make or upgrade the portal's own tables.",
    "createsuperuser": "Make an account of the staff with a password.",
    "changepassword": "Change the password of an account.",
    "collectstatic": "Copy the static files to where a web server serves them.",
    "runserver": "Serve the portal on this machine only, to try it.",
}


class Commands(click.Group):
    """The commands, each imported only when it runs; unknown ones are those of Django."""

    def list_commands(self, context):
        """Return the names as the help shows them."""
        return [*COMMANDS, *DJANGO_COMMANDS]

    def get_command(self, context, name):
        """Return a command of ours, or one that passes its arguments to Django."""
        if name in COMMANDS:
            return importlib.import_module(f"userportal.commands.{name}").command
        return django_command(name)

    def format_commands(self, context, formatter):
        """Write the names with a line each, without importing them."""
        for heading, rows in (("Commands", COMMANDS), ("Of Django", DJANGO_COMMANDS)):
            with formatter.section(heading):
                formatter.write_dl(list(rows.items()))


def django_command(name):
    """Return a command that hands all of its arguments to the Django command of that name."""

    @click.command(
        name,
        help=DJANGO_COMMANDS.get(name, f"Django's {name}."),
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments):
        from userportal.django_commands import run_django

        return run_django(name, arguments)

    return command


@click.command(
    cls=Commands,
    context_settings=cli.CONTEXT_SETTINGS,
    epilog="See userportal/README.md for how a portal is set up.",
)
@click.option(
    "--conf",
    "conf_path",
    metavar="FILE",
    help=f"Configuration file.  [default: ${VARIABLE}, ./portal.conf, /etc/hpcusage/portal.conf]",
)
@click.version_option(message="%(version)s", package_name="hpcusage")
def userportal(conf_path):
    """See what jobs really used: as a report in this shell, or on the pages of the portal.

    \b
    Examples:
      userportal job 4711
      userportal user ann --since 2026-11-01 --format json
      userportal --conf portal.conf check
    """
    if conf_path:
        os.environ[VARIABLE] = os.path.abspath(conf_path)  # noqa: PTH100 - as it was written


def main():
    """Run the command line.

    One that a signal has ended does not wait for threads that wait for the metrics server.
    """
    try:
        cli.run(userportal)
    except SystemExit as end:
        if isinstance(end.code, int) and end.code > SIGNALLED:
            os._exit(end.code)  # what was to be written is written, and rolled back what was not
        raise
