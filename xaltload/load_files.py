"""The command xalt_file_to_db: load the records that XALT wrote into files."""

import fnmatch

import click

from usagedb import cli, errors
from usagedb.terminal import visible
from xaltload.loading import load, loading_options

COMMAND = "xalt_file_to_db"


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--delete", is_flag=True, help="Delete each file once its record is stored.")
@click.option("--archive", metavar="DIR", help="Instead, move it into a .tar.gz there.")
@click.option("--quarantine", metavar="DIR", help="Move files of rejected records there.")
@click.option("--testing", is_flag=True, help="Read and check everything, store nothing.")
@click.option("--report_file", is_flag=True, help="Print the name of each file that is read.")
@click.option(
    "--syshost",
    default="*",
    show_default=True,
    metavar="NAME",
    help="Only the files of this cluster; * and ? are wildcards.",
)
@loading_options
@cli.common_options
@cli.database_options("xalt")
def command(paths, config, quiet, dry_run, wait_seconds, **options):
    """Store the records of XALT that are in files, each exactly once.

    A PATH is a directory with link, run and pkg records at any depth, one record, or a .tar.gz
    that --archive has made. Without PATH the directory is that of XALT_FILE_PREFIX; USE_HOME
    there means the homes of all users, or of those in XALT_USERS.

    \b
    Examples:
      xalt_file_to_db --delete --reverseMapD /apps/xalt/reverseMapD /data/xalt
      XALT_FILE_PREFIX=USE_HOME xalt_file_to_db -v
      xalt_file_to_db --dry-run --format json /data/xalt/202611
    """
    from xaltload import files, roots  # not for --help

    if options["delete"] and options["archive"]:
        raise errors.UsageError("--delete and --archive exclude each other")
    places = roots.find_roots(paths)
    pattern = options["syshost"]
    say = (lambda path: click.echo(visible(path))) if options["report_file"] else None

    def wanted(name):
        return pattern == "*" or fnmatch.fnmatchcase(name.syshost, pattern)

    def parts_of(reader):
        return files.parts(reader, places, wanted, say)

    return load(
        COMMAND, config, options, quiet, dry_run or options["testing"], wait_seconds, parts_of
    )


def main():
    """Run the command."""
    cli.run(command)
