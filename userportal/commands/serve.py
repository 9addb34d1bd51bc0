"""userportal serve: gunicorn with the portal, as the shipped unit starts it."""

import importlib.util
import os
import sys
from importlib.metadata import version

import click

from usagedb import cli, errors
from userportal.commands.listening import check_bind
from userportal.django_commands import set_up_django


@click.command("serve", context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--bind",
    default="127.0.0.1:8000",
    show_default=True,
    metavar="ADDRESS",
    help="HOST:PORT or unix:PATH to listen on.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Processes; two for each core are plenty.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Threads of each; a graph waits for Prometheus in one.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.IntRange(1, 3600),
    default=90,
    show_default=True,
    help="Seconds after which a silent worker is replaced.",
)
def command(bind, workers, threads, timeout_seconds):
    """Serve the portal with gunicorn, behind a web server that has the certificates.

    The process becomes gunicorn: signals are its own (HUP loads the configuration anew).
    """
    become_gunicorn(bind, workers, threads, timeout_seconds)


def become_gunicorn(bind, workers, threads, timeout_seconds=90):
    """Replace this process by gunicorn with the portal.

    Raises ConfigurationError without it, and what check_bind raises.
    """
    if importlib.util.find_spec("gunicorn") is None:
        raise errors.ConfigurationError("gunicorn is missing: pip install 'hpcusage[portal]'")
    set_up_django()  # a fault of the configuration is told by us, once
    check_bind(bind)
    if not os.access(".", os.X_OK):  # gunicorn would not begin where it was called
        os.chdir("/")
    words = [
        sys.executable, "-m", "gunicorn", "userportal.wsgi:application", "--bind", bind,
        "--workers", str(workers), "--threads", str(threads), "--timeout", str(timeout_seconds),
        "--worker-class", "gthread", "--log-level", "warning",
    ]  # fmt: skip
    os.execv(sys.executable, words + quiet_options())


def quiet_options():
    """Return what keeps newer versions of gunicorn from a control socket in the home directory."""
    first_with_socket = 25
    is_new = int(version("gunicorn").partition(".")[0]) >= first_with_socket
    return ["--no-control-socket"] if is_new else []
