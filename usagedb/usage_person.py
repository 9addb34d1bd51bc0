"""The command usage_person: export, pseudonymise or erase what is stored about a person."""

import contextlib
import dataclasses
import logging
import sys

import click

from usagedb import cli, errors, person, person_export, person_rejects, person_runs
from usagedb.config import DEFAULT_DBNAME, find_config, shown
from usagedb.locks import only_one
from usagedb.naming import Renaming
from usagedb.output import write_rows
from usagedb.person import Change, Places
from usagedb.pseudonyms import KEY_BYTES, pseudonym_of, read_key, usual_key_path
from usagedb.registry import registered
from usagedb.runs import recorded
from usagedb.schema import USAGE_PERSON
from usagedb.terminal import stored_text, visible

logger = logging.getLogger(__name__)

COMMAND = USAGE_PERSON
EXPORT, PSEUDONYMISE, ERASE = "export", "pseudonymise", "erase"
LONGEST_NEW_NAME = 32  # that all tables can hold
UNWANTED = set("/\\\"' ")
HEADINGS = ("Data", "Table", "Action", "Rows")


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("action", type=click.Choice((EXPORT, PSEUDONYMISE, ERASE)))
@click.argument("name")
@click.option(
    "--schema",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only these data: lmod, xalt, epmt, portal, outbox.",
)
@click.option("--directory", metavar="DIR", help="export: files of JSON lines in a new directory.")
@click.option("--as", "new_name", metavar="NAME", help="pseudonymise: this is the new name.")
@click.option(
    "--key-file",
    metavar="FILE",
    help="pseudonymise: the key of the pseudonyms; made if missing.",
)
@click.option("--keep-statistics", is_flag=True, help="erase: keep what is counted, without name.")
@click.option(
    "--home",
    "homes",
    multiple=True,
    metavar="DIR",
    help="Users' own directories are in DIR, too.",
)
@click.option("--reject", "rejects", multiple=True, metavar="FILE", help="A loader's reject file.")
@click.option("--portal", "portal_conf", metavar="FILE", help="Configuration of the portal.")
@click.option("--state-dir", metavar="DIR", help="Directory of afmetrics_collector's outbox.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@cli.dry_run_option
@cli.wait_option
@cli.format_option
@click.option(
    "--confFn",
    "conf_path",
    metavar="FILE",
    help="One database configuration for all.  [default: that of each command]",
)
@click.option("--show-config", is_flag=True, help="Print the configuration and end.")
@cli.common_options
def command(action, name, names, conf_path, show_config, quiet, output_format, **options):
    """Export, pseudonymise or erase what all commands store about the person NAME.

    NAME is the login name, exactly as it was stored. Erasing cannot be undone; names in archives
    of inputs, in backups and in what was sent elsewhere stay: see usagedb/README.md.

    \b
    Examples:
      usage_person export anna > anna.json
      usage_person export anna --directory /root/anna
      usage_person pseudonymise anna --dry-run
      usage_person erase anna --yes --format json
      usage_person erase anna --keep-statistics --yes
    """
    if show_config:
        click.echo(shown(find_config(conf_path, None, DEFAULT_DBNAME)))
        return 0
    check(action, output_format, options)
    name = stored_text(name.encode("utf-8", "surrogateescape"))
    if not name:
        raise errors.UsageError("NAME is empty")
    places = Places(
        conf_path, options["portal_conf"], options["state_dir"], options["rejects"],
        to_write=action != EXPORT and not options["dry_run"], wait_seconds=options["wait_seconds"],
    )  # fmt: skip
    tools = chosen(names)
    person_rejects.check(places.reject_paths, places.to_write)
    if action == EXPORT:
        return export(tools, places, Renaming(name, "", options["homes"]), options["directory"])
    new = new_name(action, name, options, places)
    change = Change(
        Renaming(name, new, options["homes"]), action == ERASE, options["keep_statistics"],
        options["dry_run"],
    )  # fmt: skip
    if not options["dry_run"]:
        cli.confirm(f"{action.capitalize()} {visible(name)} in all data?", options["yes"])
    rows = change_all(tools, places, change)
    if output_format != "table" or (rows and not quiet):
        print_changes(rows, options["dry_run"], output_format)
    return 0


def print_changes(rows, dry_run, output_format):
    """Print what was done, or would be, to each table."""
    would = "would be " if dry_run else ""
    told = [(schema, table, would + what, count) for schema, table, what, count in rows]
    write_rows(HEADINGS, told, output_format)


def main():
    """Run the command."""
    cli.run(command)


def check(action, output_format, options):
    """Raise UsageError for options that are not for an action."""
    only = {
        "directory": (EXPORT,), "new_name": (PSEUDONYMISE,), "key_file": (PSEUDONYMISE,),
        "keep_statistics": (ERASE,), "yes": (PSEUDONYMISE, ERASE), "dry_run": (PSEUDONYMISE, ERASE),
    }  # fmt: skip
    words = {"new_name": "as"}
    for option, actions in only.items():
        if options[option] and action not in actions:
            shown_option = words.get(option, option).replace("_", "-")
            raise errors.UsageError(f"--{shown_option} is not for {action}")
    if action == EXPORT and output_format not in ("table", "json"):
        raise errors.UsageError("export writes JSON, or with --directory files of JSON lines")


def chosen(names):
    """Return the PersonalData with these names, all without any. Raises UsageError."""
    known = registered(person.ENTRY_POINT_GROUP)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise errors.UsageError(f"--schema {unknown[0]}: there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names or known)]


def new_name(action, name, options, places):
    """Return what takes the place of a name. Raises UsageError."""
    if action == ERASE:
        return person.ERASED
    new = options["new_name"]
    if new is None:
        return pseudonym_of(name, key_of_pseudonyms(options, places))
    is_plain = new.isprintable() and not set(new) & UNWANTED
    if not (is_plain and 0 < len(new) <= LONGEST_NEW_NAME):
        raise errors.UsageError(
            f"--as: up to {LONGEST_NEW_NAME} letters without blanks, quotes and slashes"
        )
    return new


def key_of_pseudonyms(options, places):
    """Return the key: of --key-file, of a tool that has made pseudonyms, or of the usual file."""
    if options["key_file"]:
        return read_key(options["key_file"])
    reading = dataclasses.replace(places, to_write=False)
    makers = [tool for tool in registered(person.ENTRY_POINT_GROUP).values() if tool.key_of]
    for tool in makers:
        with tool.opened(reading) as store:
            key = tool.key_of(store) if store is not None else None
            if key:
                return key
    # Nothing is written by --dry-run, not even a key.
    return bytes(KEY_BYTES) if options["dry_run"] else read_key(usual_key_path())


def export(tools, places, renaming, directory):
    """Write all that is stored; return the exit status."""
    seen: set = set()
    with person_export.opened(directory, sys.stdout) as target:
        for tool in tools:
            with tool.opened(places) as store:
                if store is None:
                    continue
                for table, row in tool.export(store, renaming):
                    target.add(tool.name, table, row)
                for database in new_databases(tool, store, seen):
                    for table, row in person_runs.export(database, renaming):
                        target.add(f"usage-{tool.name}", table, row)
        for table, row in person_rejects.export(places.reject_paths, renaming):
            target.add("rejects", table, row)
    if not target.rows:
        logger.info("nothing is stored about %s", renaming.name)
    return 0


def new_databases(tool, store, seen):
    """Yield the Database of a store unless an earlier tool had the same."""
    database = tool.database_of(store)
    if database is not None and database.config.describe() not in seen:
        seen.add(database.config.describe())
        yield database


def change_all(tools, places, change):
    """Rename or remove a person everywhere; return rows (data, table, action, count)."""
    rows: list = []
    seen: set = set()
    with contextlib.ExitStack() as stack:
        stores = [(tool, stack.enter_context(tool.opened(places))) for tool in tools]
        for tool, store in stores:
            if store is None:
                continue
            changed = change_one(tool, store, places, change)
            rows += [(tool.name, *key, count) for key, count in changed.items()]
            for database in new_databases(tool, store, seen):
                change.counts = {}
                person_runs.change(database, change)
                label = f"usage-{tool.name}"
                rows += [(label, *key, count) for key, count in change.counts.items()]
    change.counts = {}
    person_rejects.change(places.reject_paths, change)
    rows += [("rejects", *key, count) for key, count in change.counts.items()]
    if not rows:
        logger.info("nothing is stored about %s", change.renaming.name)
    return rows


def change_one(tool, store, places, change):
    """Rename or remove a person in one tool's data; return the counts."""
    change.counts = {}
    database = tool.database_of(store)
    if change.dry_run or database is None:
        tool.change(store, change)
        return change.counts
    with only_one(database, COMMAND, places.wait_seconds), recorded(database, COMMAND) as run:
        tool.change(store, change)
        run.stored = sum(change.counts.values())
        # Without the name: who was erased is nobody's business.
        run.message = f"{ERASE if change.erases else PSEUDONYMISE} of a person in {tool.name}:"
        run.message += f" {run.stored} rows of {len(change.counts)} tables"
    return change.counts
