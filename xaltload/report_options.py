"""What the three report commands share: their options, and how a report is asked and shown."""

import datetime

import click

from usagedb import cli, errors, schema
from usagedb.database import Database
from usagedb.dates import parse_date
from xaltload.schema import XALT


def report_options(function):
    """Add the options of all reports."""
    for option in reversed(
        (
            click.option("--start", metavar="YYYY-MM-DD",
                         help="First day.  [default: 90 days before the end]"),
            click.option("--end", metavar="YYYY-MM-DD",
                         help="Day after the last one (exclusive).  [default: today]"),
            click.option("--syshost", default="%", show_default=True, metavar="PATTERN",
                         help="Only these clusters; % and _ are wildcards."),
            click.option("--queue", default="%", show_default=True, metavar="PATTERN",
                         help="Only runs of these queues."),
            click.option("--num", "number", type=click.IntRange(min=1), default=20,
                         show_default=True, metavar="N", help="Rows of a table."),
            click.option("--weighted", is_flag=True,
                         help="Let a run that was recorded with probability p count as 1/p."),
            click.option("--table", "tables", multiple=True, metavar="NAME",
                         help="Only this table; repeat it for more."),
            click.option("--plot", metavar="FILE", help="Draw the table into a .png or .svg."),
            cli.format_option,
        )
    ):  # fmt: skip
        function = option(function)
    return function


name_map_option = click.option(
    "--name-map",
    "name_map_path",
    metavar="FILE",
    help="Patterns that turn executables into codes.  [default: the table that comes with it]",
)


def read_names(path):
    """Return the NameMap of a file, by default the one that comes with the suite."""
    from xaltload.applications import read_name_map, shipped_map_path

    return read_name_map(path or shipped_map_path())


def show(title, config, options, make_tables):
    """Print a report; make_tables(database, Selection) gives its Tables. Returns the status."""
    from xaltload.selection import selection_of
    from xaltload.tables import chosen, write_tables

    selection = selection_of(
        parse_date(options["start"]) if options["start"] else None,
        parse_date(options["end"]) if options["end"] else None,
        options["syshost"], options["queue"], datetime.date.today(),
    )  # fmt: skip
    database = Database(config)
    schema.require(database, XALT, to_write=False)
    with database.snapshot():  # records may be loaded meanwhile
        tables = chosen(make_tables(database, selection), options["tables"])
    database.close()
    if options["plot"]:
        draw(tables, options["plot"], selection)
    else:
        where = options["syshost"] if options["syshost"] != "%" else name_of(config)
        heading = title.format(where=where, days=selection.describe())
        write_tables(heading, tables, options["output_format"])
    return 0


def name_of(config):
    """Return how a report names a database: xalt_ at the beginning says nothing."""
    if config.backend == "sqlite":
        return "all clusters"
    return config.database.removeprefix("xalt_")


def draw(tables, path, selection):
    """Write the first column of one table as bars. Raises UsageError."""
    from usagedb import plot

    if len(tables) != 1:
        names = ", ".join(table.key for table in tables)
        raise errors.UsageError(f"--plot draws one table: name it with --table: {names}")
    (table,) = tables
    column = next((at for at, value in enumerate(table.rows[0]) if is_number(value)),
                  None) if table.rows else 0  # fmt: skip
    if column is None:
        raise errors.UsageError(f"--plot: the table {table.key} has no numbers to draw")
    labels = [" ".join(value for value in row if isinstance(value, str)) for row in table.rows]
    values = [row[column] for row in table.rows]
    title = f"{table.title}, {selection.describe()}"
    plot.write_bar_plot(path, labels, values, title, table.headings[column])


def is_number(value):
    """Tell whether a value of a row is a number."""
    return isinstance(value, (int, float))
