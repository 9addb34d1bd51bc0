"""userportal serve: gunicorn with the portal, as the shipped unit starts it."""

import os
import sys

import click

from usagedb import cli, errors


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
    try:
        import gunicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise errors.ConfigurationError(
            "gunicorn is missing: pip install 'hpcusage[portal]'"
        ) from error
    words = [
        sys.executable,
        "-m",
        "gunicorn",
        "userportal.wsgi:application",
        "--bind",
        bind,
        "--workers",
        str(workers),
        "--threads",
        str(threads),
        "--timeout",
        str(timeout_seconds),
        "--worker-class",
        "gthread",
    ]
    os.execv(sys.executable, words)  # noqa: S606
