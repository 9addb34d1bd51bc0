"""What a loader needs beside the records: the site's map of modules, accounts, and filters."""

import json
from pathlib import Path

from usagedb import errors
from usagedb.redact import redactor_of
from usagedb.site import read_site
from xaltload.filters import Filters, read_filters
from xaltload.modulemap import read_module_map
from xaltload.reading import Reader
from xaltload.rows import RowMaker
from xaltload.widths import Widths


def make_reader(database, config, options):
    """Return the Reader for a database, as its configuration and the options say."""
    site = read_site(config)
    directories = [name for name in (options["map_directories"] or "").split(":") if name]
    maker = RowMaker(
        widths=Widths(database),
        modules=read_module_map(directories),
        zone_of=lambda syshost: site.cluster_of("xalt", syshost)[1],
        accounts=read_accounts(options["accounts_path"]) if options["accounts_path"] else {},
        redactor=redactor_of(config),
    )
    filters = read_filters(options["filter_path"]) if options["filter_path"] else Filters()
    return Reader(maker, filters, options["strict_crc"])


def read_accounts(path):
    """Return {user: account} of a JSON file. Raises MissingInputError or ConfigurationError."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise errors.ConfigurationError(f"{path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise errors.ConfigurationError(f"{path} must be a JSON object of users and accounts")
    return found
