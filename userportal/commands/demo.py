"""userportal demo: a made-up cluster, and the portal on it."""

import os
import sys

import click

from usagedb import cli
from userportal.commands.listening import check_free
from userportal.commands.serve import become_gunicorn
from userportal.configuration import VARIABLE


@click.command("demo", context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--directory",
    default="portal-demo",
    show_default=True,
    metavar="DIR",
    help="Where it is made; what an earlier demo left there is made anew.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--make-only", is_flag=True, help="Make it, and do not serve it.")
@cli.common_options
def command(directory, port, make_only, quiet):
    """Make a made-up cluster of a month, and serve the portal on it, on this machine only.

    All people, jobs and numbers are invented. Needs no Slurm, no Prometheus, no LDAP.
    """
    from userportal.demo.make import make_demo

    if not make_only:
        check_free("127.0.0.1", port, "--port")
    click.echo(f"Making a cluster in {directory} (some 20 seconds) …", err=True)
    demo = make_demo(directory)
    click.echo(f"{demo.jobs} jobs. Log in as one of")
    for login in demo.logins:
        click.echo(f"  {login.role:8} {login.username:12} {login.password}")
    click.echo("In a shell, for userportal check, top and the others:")
    click.echo(f"  export HPCUSAGE_PORTAL_CONF={demo.configuration}")
    if not make_only:
        serve(demo.configuration, port)
    return 0


def serve(configuration, port):
    """Become the server of a configuration, until it is interrupted."""
    click.echo(f"http://127.0.0.1:{port}/  (end it with Ctrl-C)")
    sys.stdout.flush()
    os.environ[VARIABLE] = str(configuration)
    become_gunicorn(f"127.0.0.1:{port}", workers=1, threads=8)
