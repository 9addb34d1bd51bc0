"""Options that several commands of epmt have which use the database."""

import re

# python first: as EPMT prints lists; the others are those of all commands.
FORMS = ("python", "table", "csv", "json", "markdown")
MANY = re.compile("0*[1-9][0-9]{0,2}")


def add_database(parser):
    """Add what says which database."""
    parser.add_argument(
        "--confFn", dest="conf_path", metavar="FILE", help="file that says which database"
    )


def add_cluster(parser, text="of the job ids that several clusters have"):
    """Add --cluster."""
    parser.add_argument("--cluster", metavar="NAME", help=text)


def add_dry_run(parser, text="say what would be done; do nothing"):
    """Add -n."""
    parser.add_argument("-n", "--dry-run", action="store_true", help=text)


def add_format(parser, default):
    """Add --format."""
    parser.add_argument(
        "--format", dest="form", choices=FORMS, default=default, help=f"how to print it ({default})"
    )


def number(text):
    """Return a number from 1 to 999. Raises ValueError."""
    if not MANY.fullmatch(text):
        raise ValueError(text)
    return int(text)
