"""The command epmt: what collects, and what stores, shows and deletes jobs."""

import importlib
import logging
import sys

from epmtlite.collect import cli, console, errors, parsing

DESCRIPTION = "Collect, store and show what every process of a job did."


class Failure(errors.CollectError):
    """An error of the database library, with its exit code."""

    def __init__(self, error):
        super().__init__(str(error))
        self.exit_code = error.exit_code


def main(arguments=None):
    """Run the command and end the process with its status."""
    from epmtlite.asking_line import add_asking_commands
    from epmtlite.storing_line import add_storing_commands

    parser, subparsers = parsing.make_parser(DESCRIPTION)
    cli.add_collection_commands(
        subparsers, handler("job_commands", "dump"), handler("job_commands", "annotate"),
        handler("connection", "check"), handler("api_help", "show"),
    )  # fmt: skip
    add_storing_commands(subparsers, handler)
    add_asking_commands(subparsers, handler)
    sys.exit(cli.run(parser, sys.argv[1:] if arguments is None else arguments))


def handler(module_name, function_name):
    """Return a function that calls one of a module of this package, which is imported by it.

    The errors of the database library become those of epmt.
    """

    def handle(*arguments):
        from usagedb import errors as database_errors

        module = importlib.import_module(f"epmtlite.{module_name}")
        listen()
        try:
            return getattr(module, function_name)(*arguments)
        except database_errors.RunInterrupted as error:
            raise errors.Interrupted(error.signal_number) from error
        except database_errors.UsageDBError as error:
            raise Failure(error) from error

    return handle


def share_log():
    """Let the database library log as epmt does."""
    log = logging.getLogger("usagedb")
    log.handlers[:], log.propagate = console.logger.handlers, False
    log.setLevel(console.logger.level)


def listen():
    """Let the database library log as epmt does, and signals roll back what is open."""
    from usagedb import signals

    share_log()
    signals.heed()
