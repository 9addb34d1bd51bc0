"""Which of the other tools' databases are there, and in plain words what is missing."""

import dataclasses

from epmtlite.schema import EPMT
from lmodtrack.schema import LMOD
from usagedb import errors, schema
from usagedb.config import read_config
from usagedb.database import Database
from xaltload.schema import XALT

THERE = "there"
UNCONFIGURED = "unconfigured"  # no section of the portal's configuration names a database
MISCONFIGURED = "misconfigured"  # its configuration file cannot be used
REFUSED = "refused"  # permission or credentials
UNREACHABLE = "unreachable"
INCOMPLETE = "incomplete"  # tables are missing, or older or newer than this program


@dataclasses.dataclass(frozen=True)
class Part:
    """One tool: what is asked of its database."""

    name: str  # as the sections of the portal's configuration are called
    tool: str
    tables: schema.Schema
    version: int  # the oldest of its tables that can be asked


PARTS = {
    "lmod": Part("lmod", "lmodtrack", LMOD, 1),
    "xalt": Part("xalt", "xaltload", XALT, 2),
    "epmt": Part("epmt", "epmtlite", EPMT, 1),
}


@dataclasses.dataclass(frozen=True)
class Availability:
    """Whether a part can be asked."""

    part: str
    state: str  # THERE or one of the others above
    text: str  # what is missing and what to do, for staff; "" if nothing is

    @property
    def is_there(self):
        """Whether it can be asked."""
        return self.state == THERE

    @property
    def is_configured(self):
        """Whether the portal is to show it: then a page says what is missing."""
        return self.state != UNCONFIGURED


def part_available(configuration, name):
    """Return the Availability of a part: "lmod", "xalt" or "epmt".

    configuration is the portal's. Connects and reads; writes nothing, and raises nothing that can
    be expected.
    """
    conf_file = getattr(configuration, name).conf_file
    if conf_file is None:
        text = f"no database of {PARTS[name].tool} is configured: name its conf_file in [{name}]"
        return Availability(name, UNCONFIGURED, text)
    try:
        config = read_config(conf_file)
    except errors.RefusedError as error:
        return Availability(name, REFUSED, str(error))
    except errors.UsageDBError as error:
        return Availability(name, MISCONFIGURED, str(error))
    return state_of(config.replaced(read_only=True), name)


def parts_available(configuration):
    """Return {name: Availability} of all parts."""
    return {name: part_available(configuration, name) for name in PARTS}


def state_of(config, name):
    """Return the Availability of a part in the database of a DatabaseConfig."""
    try:
        database = Database(config)
        try:
            require(database, name)
        finally:
            database.close()
    except errors.RefusedError as error:
        return Availability(name, REFUSED, str(error))
    except errors.UnavailableError as error:
        return Availability(name, UNREACHABLE, str(error))
    except errors.UsageDBError as error:
        return Availability(name, INCOMPLETE, str(error))
    return Availability(name, THERE, "")


def require(database, name):
    """Make sure that a database has the tables of a part, in a version that can be asked.

    Unlike usagedb.schema.require it makes none, not even in an SQLite file. Raises
    ConfigurationError. Read-only.
    """
    part = PARTS[name]
    missing = schema.missing_steps(database, part.tables)
    if not missing or missing[0].version > part.version:
        return
    where = database.config.describe()
    what = "lacks" if missing[0] == part.tables.steps[0] else "has an older version of"
    command = "epmt migrate" if name == "epmt" else "createDB"
    raise errors.ConfigurationError(f"{where} {what} the tables of {part.tool}: run {command}")
