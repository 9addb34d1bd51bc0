"""Load a log in this process."""

import gzip
import tempfile
from pathlib import Path

from lmodtrack.clusters import ClusterNames
from lmodtrack.load import Loader
from lmodtrack.record import Context
from lmodtrack.tally import Rules
from usagedb.days import Calendar
from usagedb.site import Site
from usagedb.source import LogSource


def load_bytes(database, text, suffix=""):
    """Load a log with this text into a Database and return the Outcome."""
    rules = Rules(ClusterNames(Site(None, (), "")), Context(1.8e9, Calendar()))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, f"moduleUsage.log{suffix}")
        path.write_bytes(gzip.compress(text) if suffix == ".gz" else text)
        source = LogSource(path)
        try:
            return Loader(database, rules).load(source)
        finally:
            source.close()
