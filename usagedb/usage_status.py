"""The command usage_status: did every command run, and how did it end?"""

import datetime
import re
import time
from collections.abc import Collection
from typing import NamedTuple

import click

from usagedb import cli, errors, schema
from usagedb.database import Database
from usagedb.files import write_whole
from usagedb.output import write_rows
from usagedb.runs import command_of, last_runs, parts_of
from usagedb.terminal import visible

OK, WARNING, CRITICAL = 0, 1, 2
LEVELS = ("ok", "warning", "critical")
HEADINGS = (
    "Command", "Host", "Last Run", "Age", "Ended", "Stored", "Known", "Rejected", "Waiting",
    "State",
)  # fmt: skip
KEYS = (
    "command", "host", "last_run", "age_seconds", "exit_code", "stored", "duplicates", "rejected",
    "waiting", "state",
)  # fmt: skip
# A run that has not ended after this long was killed.
LONGEST_RUN_SECONDS = 6 * 3600
# A last run that began later than this from now hides whether there were others since.
MOST_AHEAD_SECONDS = 86400
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--max-age",
    default="26h",
    show_default=True,
    metavar="AGE",
    help="A last run older than this is critical (90m, 26h, 2d).",
)
@click.option(
    "--command",
    "commands",
    multiple=True,
    metavar="NAME",
    help="Look at this command only, or with brackets at one of its runs; that it never ran is"
    " critical.",
)
@click.option(
    "--without-host",
    "hosts_left_out",
    multiple=True,
    metavar="NAME",
    help="Leave out this host, which runs nothing any more.",
)
@click.option(
    "--without-run",
    "runs_left_out",
    multiple=True,
    metavar="NAME",
    help="Leave out this run, as the column Command calls it, which is in no crontab any more.",
)
@click.option("--prometheus", metavar="FILE", help="Write metrics for node_exporter (.prom).")
@cli.format_option
@cli.common_options
@cli.database_options()
def command(config, quiet, max_age, commands, prometheus, output_format, **left_out):
    """Tell when each command last ran, how it ended, what it stored and rejected, what waits.

    Ends with 0 (all is well), 1 (something was rejected or waits) or 2 (a run failed, is missing
    or too old), as monitoring plug-ins do. What runs now and then, such as usage_copy and
    delete_old_records, is too old only for --command. Runs of one command count together unless
    they have names: HPCUSAGE_RUN=east before a command in a crontab makes it "command [east]".

    \b
    Examples:
      usage_status
      usage_status --command store_module_data --max-age 26h
      usage_status --command "store_module_data [east]"
      usage_status --without-host oldnode --without-run "store_module_data [west]"
      usage_status --prometheus /var/lib/node_exporter/hpcusage.prom
    """
    max_age_seconds = seconds_of(max_age)
    try:
        found = runs_of(config, **left_out)
    except errors.UsageDBError as error:
        if prometheus:
            write_whole(prometheus, metrics(None, ()), 0o644)  # not those of the last time
        if not isinstance(error, errors.UnavailableError):
            raise
        click.echo(f"critical: {error}", err=True)
        return CRITICAL
    ageless = schema.occasional_commands() - {command_of(name) for name in commands}
    rows = status_rows(found, commands, Ages(max_age_seconds, ageless), time.time())
    if prometheus:
        write_whole(prometheus, metrics(found, rows), 0o644)  # node_exporter reads it
    else:
        shown = rows if output_format in ("csv", "json") else [for_people(row) for row in rows]
        write_rows(HEADINGS, shown, output_format, KEYS)
    return max((LEVELS.index(row[-1]) for row in rows), default=CRITICAL if commands else OK)


def main():
    """Run the command."""
    cli.run(command)


def runs_of(config, hosts_left_out=(), runs_left_out=()):
    """Return the last runs of all commands, but those on some hosts and with some titles.

    Raises UnavailableError if the database is away, as a configured file is that is not there: it
    may be on a disk that is not mounted.
    """
    if config.is_configured and not config.is_there():
        raise errors.UnavailableError(f"there is no database {config.describe()}")
    database = Database(config)
    schema.require(database, schema.USAGE, to_write=False)
    found = last_runs(database)
    database.close()
    return [run for run in found if run[0] not in runs_left_out and run[1] not in hosts_left_out]


def seconds_of(text):
    """Return the seconds of an age such as 26h. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if not match:
        raise errors.UsageError(f"--max-age {text}: write a number and s, m, h or d, such as 26h")
    return int(match[1]) * UNITS[match[2] or "s"]


class Ages(NamedTuple):
    """When a last run is too old."""

    max_seconds: int
    ageless: Collection = ()  # commands of which no run is

    def is_too_old(self, name, seconds):
        """Tell whether the last run of a command was so long ago that another one is missing."""
        return seconds > self.max_seconds and command_of(name) not in self.ageless


def status_rows(found, commands, ages, now):
    """Return the rows of the report for the last runs, and for commands that never ran."""
    rows: list[tuple] = []
    for run in found:
        name, host, started, ended, exit_code, stored, duplicates, rejected, waiting, _text = run
        if commands and not {name, command_of(name)}.intersection(commands):
            continue
        age = max(0, int(now - (ended or started)))
        is_odd = started > now + MOST_AHEAD_SECONDS
        level = level_of(ended, exit_code, waiting, age, is_odd or ages.is_too_old(name, age))
        when = datetime.datetime.fromtimestamp(started).astimezone().isoformat(timespec="seconds")
        counters = (stored, duplicates, rejected, waiting)
        rows.append((name, host, when, age, exit_code, *counters, LEVELS[level]))
    for name in dict.fromkeys(commands):
        if all(name not in (row[0], command_of(row[0])) for row in rows):
            rows.append((name, None, None, None, None, 0, 0, 0, 0, LEVELS[CRITICAL]))
    return rows


def level_of(ended, exit_code, waiting, age, is_too_old):
    """Return OK, WARNING or CRITICAL for one last run."""
    if is_too_old or (ended is None and age > LONGEST_RUN_SECONDS):
        return CRITICAL
    if ended is None:
        return OK  # it is running
    if exit_code not in (0, errors.PARTLY):
        return CRITICAL
    return WARNING if exit_code == errors.PARTLY or waiting else OK


def for_people(row):
    """Return a row with its age and end in words."""
    age, exit_code = row[3], row[4]
    ended = "never ran" if age is None else "running" if exit_code is None else str(exit_code)
    return (*row[:3], None if age is None else age_text(age), ended, *row[5:])


def age_text(seconds):
    """Return an age as 45s, 12m, 5h or 3d."""
    for unit, size in (("d", 172800), ("h", 7200), ("m", 120)):
        if seconds >= size:
            return f"{seconds // UNITS[unit]}{unit}"
    return f"{seconds}s"


METRICS = (
    ("hpcusage_last_run_timestamp_seconds", "When the last run began.", 2),
    ("hpcusage_last_run_exit_code", "Exit code of the last run (-1: has not ended).", 4),
    ("hpcusage_last_run_stored_records", "Records that the last run stored.", 5),
    ("hpcusage_last_run_duplicate_records", "Records that the last run knew already.", 6),
    ("hpcusage_last_run_rejected_records", "Records that the last run rejected.", 7),
    ("hpcusage_last_run_waiting_inputs", "Inputs that the last run left for a later one.", 8),
)


def metrics(found, rows):
    """Return the last runs in Prometheus' text format; None for runs that cannot be read."""
    lines = ["# HELP hpcusage_up Whether the database could be read.", "# TYPE hpcusage_up gauge"]
    lines.append(f"hpcusage_up {int(found is not None)}")
    if found is None:
        return "\n".join(lines) + "\n"
    shown = {row[:2] for row in rows}
    for name, text, column in METRICS:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        for run in found:
            if run[:2] in shown:
                value = -1 if run[column] is None else run[column]
                lines.append(f"{name}{{{labels(*run[:2])}}} {value}")
    lines += ["# HELP hpcusage_state 0 ok, 1 warning, 2 critical.", "# TYPE hpcusage_state gauge"]
    lines += [
        f"hpcusage_state{{{labels(row[0], row[1] or '')}}} {LEVELS.index(row[-1])}" for row in rows
    ]
    return "\n".join(lines) + "\n"


def labels(title, host):
    """Return the labels of a run: its command, its host, and its name if it has one."""
    command, name = parts_of(title)
    found = {"command": command, "host": host, **({"run": name} if name else {})}
    return ",".join(f'{key}="{label(text)}"' for key, text in found.items())


def label(text):
    """Return a text as it stands in a label's quotes."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')
