"""The command conf_create: write the file that tells the other commands where the database is."""

import logging
import os
import sys
from pathlib import Path

import click

from usagedb import cli, errors
from usagedb.config import DatabaseConfig, other_sections, read_config, write_config
from usagedb.dialects import BACKENDS

logger = logging.getLogger(__name__)


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option("--dbhost", metavar="HOST", help="Server, or several with commas between them.")
@click.option("--dbuser", metavar="USER", help="Account on the server.")
@click.option("--passwd", metavar="TEXT", help="Its password (others may see it: --passwd-file).")
@click.option("--passwd-file", metavar="FILE", help="Read the password from this file (-: stdin).")
@click.option("--dbname", metavar="NAME", help="Database; for sqlite the path of its file.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Port, if unusual.")
@click.option("--backend", type=click.Choice(BACKENDS), default="mysql", show_default=True)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@cli.common_options
def command(backend, quiet, force, passwd, passwd_file, **given):
    """Write <dbname>_db.conf in the current directory.

    Asks at a terminal for what the options do not say.

    \b
    Examples:
      conf_create
      conf_create --dbhost db1,db2 --dbuser lmodUser --passwd-file pw --dbname lmodV2
      conf_create --backend sqlite --dbname /srv/hpcusage/usage.db
    """
    if backend == "sqlite":
        config = sqlite_config(given)
    else:
        config = server_config(backend, given, passwd, passwd_file)
    path = Path(f"{Path(config.database).stem if backend == 'sqlite' else config.database}_db.conf")
    if path.parent != Path():
        raise errors.UsageError(f"{config.database} is no database name")
    if path.exists() and not force:
        raise errors.UsageError(f"{path} is there already: say --force to replace it")
    config, other_lines = with_old_settings(config, path) if path.is_file() else (config, ())
    if not all(text.isprintable() for text in (config.database, config.user, *config.hosts)):
        raise errors.UsageError("a name holds a control character")
    write_config(path, config, other_lines)
    if not quiet:
        click.echo(f"wrote {path}")
    return 0


def main():
    """Run the command."""
    cli.run(command)


def sqlite_config(given):
    """Return the configuration of an SQLite file."""
    name = given["dbname"] or ask("Database file", "--dbname")
    path = Path(name).expanduser().absolute()
    return DatabaseConfig("sqlite", str(path), "options")


def server_config(backend, given, passwd, passwd_file):
    """Return the configuration of a database on a server."""
    host = given["dbhost"] or ask("Database host", "--dbhost")
    user = given["dbuser"] or ask("Database user", "--dbuser")
    password = read_password(passwd, passwd_file)
    name = given["dbname"] or ask("Database name", "--dbname")
    hosts = tuple(part.strip() for part in host.split(",") if part.strip())
    return DatabaseConfig(
        backend, name, "options", hosts, given["port"] or 0, user=user, password=password
    )


def with_old_settings(config, path):
    """Return a configuration with what the options cannot say as it is in the file that it
    replaces, and the lines of that file's other sections.

    Certificates stay with the kind of database, a port and a socket with the host too.
    Nothing stays of a file that is broken, or of another account than this one and root: that is
    told. Raises RefusedError if this account may not read the file.
    """
    if path.stat().st_uid not in (0, os.geteuid()):
        logger.warning("%s belongs to another account: nothing of it is kept", path)
        return config, ()
    try:
        old = read_config(path)
        other_lines = other_sections(path.read_text("utf-8"))
    except errors.ConfigurationError as error:
        logger.warning("%s: nothing of it is kept", error)
        return config, ()
    if old.backend == config.backend:
        config = config.replaced(ssl_ca=old.ssl_ca, ssl_cert=old.ssl_cert, ssl_key=old.ssl_key)
        if old.hosts == config.hosts:
            config = config.replaced(port=config.port or old.port, socket=old.socket)
    return config, other_lines


def read_password(passwd, passwd_file):
    """Return the password from an option, a file, or a person; its last newline is not part of it.

    Raises MissingInputError or UsageError.
    """
    if passwd is not None:
        return passwd
    if not passwd_file:
        return ask("Database pass", "--passwd-file", hide_input=True)
    try:
        text = sys.stdin.read() if passwd_file == "-" else Path(passwd_file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.MissingInputError(f"cannot read {passwd_file}: {error}") from error
    return text[:-1] if text.endswith("\n") else text


def ask(question, option, hide_input=False):
    """Ask a person at a terminal. Raises UsageError when nobody can be asked."""
    if not (sys.stdin and os.isatty(sys.stdin.fileno())):
        raise errors.UsageError(f"{question} is not given: say {option}")
    return click.prompt(
        question,
        hide_input=hide_input,
        default="" if hide_input else None,
        err=True,
        show_default=False,
    )
