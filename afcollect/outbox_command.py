"""afmetrics_collector outbox: see, send and empty what waits."""

import click

from afcollect import run as runs
from afcollect import state_dir
from afcollect.delivery import keep_wait, waits_of
from afcollect.schema import COLLECTOR
from usagedb import cli, output
from usagedb.dates import iso_time
from usagedb.locks import only_one
from usagedb.runs import recorded

HEADINGS = ("Kind", "Documents", "Oldest", "Newest", "Tries", "Set aside because")
KEYS = ("kind", "documents", "oldest", "newest", "tries", "set_aside")


def run(words, options):
    """Do what the words after `outbox` say; return the exit status."""
    outbox = state_dir.existing_outbox(options["state_dir"])
    if not outbox:
        tried = ", ".join(map(str, state_dir.places(options["state_dir"])))
        click.echo(f"there is no outbox in {tried}", err=True)
        if not words:
            output.write_rows(HEADINGS, [], options["output_format"], KEYS)
        return 0
    try:
        action = {(): show, ("flush",): flush, ("drop",): drop}[words]
        return action(outbox, options)
    finally:
        outbox.close()


def show(outbox, options):
    """Print what waits."""
    rows = [
        (kind, count, iso_time(oldest, "seconds"), iso_time(newest, "seconds"), tries, reason)
        for kind, reason, count, oldest, newest, tries in outbox.summary()
    ]
    output.write_rows(HEADINGS, rows, options["output_format"], KEYS)
    return 0


def flush(outbox, options):
    """Send what waits, with --again also what was set aside."""
    target = runs.target_of(options)
    with only_one(outbox.database, COLLECTOR, options["wait_seconds"]):
        if options["again"]:
            outbox.take_back()
        with recorded(outbox.database, f"{COLLECTOR} outbox flush") as this_run:
            newest = outbox.last_number()
            this_run.exit_code = runs.send(outbox, target, newest)
            forget_pause(outbox, target.endpoint.shown)
    return this_run.exit_code


def forget_pause(outbox, shown):
    """Let the next run send: the endpoint has taken all since it asked for time."""
    if shown in waits_of(outbox.state()):
        keep_wait(outbox, shown, 0.0)


def drop(outbox, options):
    """Empty the outbox."""
    count = sum(outbox.counts())
    if not count:
        return 0
    cli.confirm(f"Drop {count} documents that were not sent?", options["yes"])
    with only_one(outbox.database, COLLECTOR, options["wait_seconds"]):
        click.echo(f"{outbox.clear()} documents dropped", err=True)
    return 0
