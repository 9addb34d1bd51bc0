"""Find and read the database configuration, and write a new one.

The file is the INI file of Lmod and XALT sites: section [MYSQL] with HOST, USER, PASSWD (base64)
and DB. The suite adds PORT, SOCKET, SSL_CA, SSL_CERT and SSL_KEY, and the sections [SQLITE],
[POSTGRESQL], [SITE] (see usagedb/site.py and redact.py) and [RETENTION] (delete_old_records.py).
"""

import base64
import binascii
import configparser
import dataclasses
import logging
import os
import stat
from pathlib import Path

from usagedb import errors
from usagedb.files import write_whole

logger = logging.getLogger(__name__)

DEFAULT_DBNAME = "lmodV2"
SYSTEM_DIRECTORY = Path("/etc/hpcusage")
EMBEDDED = "embedded, no configuration file found"
SYSTEM_DATABASE = Path("/var/lib/hpcusage/usage.db")
SECTIONS = {"MYSQL": "mysql", "SQLITE": "sqlite", "POSTGRESQL": "postgresql"}


@dataclasses.dataclass(frozen=True)
class DatabaseConfig:
    """Where the data are, and how to get at them."""

    backend: str  # one of usagedb.dialects.BACKENDS
    database: str  # name on the server, or path of the SQLite file
    source: str  # the configuration file, or the reason for the embedded database
    hosts: tuple = ()  # tried in this order
    port: int = 0  # 0: the server's usual port
    user: str = ""
    password: str = dataclasses.field(default="", repr=False)
    socket: str = ""
    ssl_ca: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    site: dict = dataclasses.field(default_factory=dict)  # the section [SITE], keys in capitals
    # The section [RETENTION]: {schema: months} as texts.
    retention: dict = dataclasses.field(default_factory=dict)
    select_database: bool = True  # False: connect to the server only
    read_only: bool = False  # nothing of an SQLite file may change, not even how it is written
    in_memory: bool = False  # in the place of an SQLite file an empty database, for a dry run
    for_copy: bool = False  # connections are made ready for usage_copy
    setup_command: str = "createDB"  # what makes its tables, for messages
    is_named: bool = False  # by an option or $HPCUSAGE_CONF, instead of found where it usually is

    def describe(self):
        """Return one short text for messages, without secrets."""
        if self.backend == "sqlite":
            return self.database
        where = self.socket or ",".join(self.hosts)
        return f"{self.backend} database {self.database} on {where}"

    @property
    def is_configured(self):
        """Whether a file says so; else it is the embedded database."""
        return self.source != EMBEDDED

    def is_there(self):
        """Tell whether there is a database, of a server whether there may be one."""
        if self.backend != "sqlite":
            return True
        try:
            Path(self.database).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError):  # opening it says why
            return True
        return True

    def replaced(self, **changes):
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def find_config(conf_path=None, dbname=None, default_dbname=DEFAULT_DBNAME):
    """Return the DatabaseConfig to use.

    conf_path is what --confFn named, dbname what --dbname named (None: not given). Without
    either: $HPCUSAGE_CONF, then <dbname>_db.conf here and in /etc/hpcusage, then the embedded file.
    Raises ConfigurationError, RefusedError, or UsageError for a dbname beside the SQLite file
    of conf_path. Read-only.
    """
    named = conf_path or os.environ.get("HPCUSAGE_CONF")
    path = named or find_file(dbname or default_dbname)
    if path:
        is_here = not (named or Path(path).is_absolute())
        config = read_config(path, is_trusted=not is_here).replaced(is_named=bool(named or dbname))
        if conf_path and dbname and config.backend == "sqlite":
            raise errors.UsageError(
                f"--dbname {dbname}: {path} names an SQLite file, which has one database only"
            )
        if named and dbname and config.backend != "sqlite":
            config = config.replaced(database=dbname)
        return config
    if dbname:
        raise errors.ConfigurationError(
            f"no {dbname}_db.conf here or in {SYSTEM_DIRECTORY}: make one with conf_create"
        )
    return DatabaseConfig("sqlite", str(embedded_path()), EMBEDDED)


def find_file(dbname):
    """Return the path of <dbname>_db.conf here or in /etc/hpcusage, or None.

    Raises RefusedError if this account may not look into /etc/hpcusage.
    """
    name = f"{dbname}_db.conf"
    if os.path.isfile(name):  # noqa: PTH113 - False also where this account may not look
        return Path(name)
    path = SYSTEM_DIRECTORY / name
    try:
        return path if path.is_file() else None
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error


def embedded_path():
    """Return the path of the embedded database: one for root, one for each other account.

    Raises ConfigurationError for an account without a home directory.
    """
    if os.geteuid() == 0:
        return SYSTEM_DATABASE
    try:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    except RuntimeError as error:
        raise errors.ConfigurationError(f"{error}: name a database with --confFn") from error
    return Path(base) / "hpcusage" / "usage.db"


def read_config(path, is_trusted=True):
    """Read one configuration file; unless is_trusted, only one of this account or of root.

    Raises ConfigurationError or RefusedError.
    """
    parser = configparser.RawConfigParser()  # raw: a % in a password is only a %
    try:
        with Path(path).open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if not is_trusted:
                check_owner(path, status)
            parser.read_file(file)
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        # The parser's own text quotes the line, which may be the password's.
        raise errors.ConfigurationError(
            f"{path} is not a configuration file: {reason_of(error)}"
        ) from None
    config = config_from(parser, str(path))
    if config.password and status.st_mode & stat.S_IROTH:
        logger.warning("the password in %s can be read by everyone: chmod 640 %s", path, path)
    return config


def reason_of(error):
    """Return what the parser did not like, without a word of the file."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"no [SECTION] before line {error.lineno}"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"[{error.section}] stands twice in it, again in line {error.lineno}"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"{error.option.upper()} stands twice in it, again in line {error.lineno}"
    lines = [number for number, _line in getattr(error, "errors", ())]
    return f"cannot read line {lines[0] if lines else '?'}: write NAME = VALUE"


def config_from(parser, source):
    """Return the DatabaseConfig that a parsed file holds. Raises ConfigurationError."""
    section = next((name for name in SECTIONS if parser.has_section(name)), None)
    if section is None:
        raise errors.ConfigurationError(
            f"{source}: no section [MYSQL], [SQLITE] or [POSTGRESQL]: make it with conf_create"
        )
    values = {key.upper(): value.strip() for key, value in parser.items(section)}
    if not values.get("DB"):
        raise errors.ConfigurationError(f"{source}: [{section}] has no DB")
    site = dict(parser.items("SITE")) if parser.has_section("SITE") else {}
    return DatabaseConfig(
        backend=SECTIONS[section],
        database=database_name(section, values["DB"], source),
        source=source,
        hosts=tuple(host.strip() for host in values.get("HOST", "").split(",") if host.strip()),
        port=port_number(values.get("PORT", ""), source),
        user=values.get("USER", ""),
        password=decoded_password(values.get("PASSWD", ""), source),
        socket=values.get("SOCKET", ""),
        ssl_ca=values.get("SSL_CA", ""),
        ssl_cert=values.get("SSL_CERT", ""),
        ssl_key=values.get("SSL_KEY", ""),
        site={key.upper(): value for key, value in site.items()},
        retention=dict(parser.items("RETENTION")) if parser.has_section("RETENTION") else {},
    )


def database_name(section, value, source):
    """Return DB; a relative SQLite path is meant relative to the configuration file.

    Raises ConfigurationError for the home of an account that is none, and for a NUL.
    """
    if "\0" in value:
        raise errors.ConfigurationError(f"{source}: DB = {value}: a name has no NUL")
    if section != "SQLITE":
        return value
    try:
        return str(Path(source).absolute().parent / Path(value).expanduser())
    except RuntimeError as error:
        raise errors.ConfigurationError(f"{source}: DB = {value}: {error}") from error


def port_number(text, source):
    """Return the port, 0 for the usual one. Raises ConfigurationError."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise errors.ConfigurationError(f"{source}: PORT = {text} is no port number")
    return int(text)


def decoded_password(text, source):
    """Return the password behind PASSWD. Raises ConfigurationError if it is not base64."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise errors.ConfigurationError(
            f"{source}: PASSWD is not base64: write it with conf_create"
        ) from error


def check_owner(path, status):
    """Raise RefusedError for a file of another account than this one and root.

    It may lie there for whoever comes by, and sends data to a database of the other account.
    """
    if status.st_uid not in (0, os.geteuid()):
        raise errors.RefusedError(
            f"{path} here belongs to another account: if that is meant, name it with --confFn"
        )


def shown(config):
    """Return the configuration as an INI text, secrets as ***, for --show-config."""
    section = next(name for name, backend in SECTIONS.items() if backend == config.backend)
    lines = [f"# {config.source}", *ini_lines(section, config, "***" if config.password else "")]
    if config.site:
        lines += ["", "[SITE]"]
        lines += [f"{key} = " + value.replace("\n", "\n    ") for key, value in config.site.items()]
    if config.retention:
        lines += ["", "[RETENTION]"]
        lines += [f"{name} = {months}" for name, months in config.retention.items()]
    return "\n".join(lines)


def ini_lines(section, config, password):
    """Return the lines of a database section; empty settings are left out."""
    settings = {
        "HOST": ",".join(config.hosts),
        "PORT": config.port or "",
        "SOCKET": config.socket,
        "USER": config.user,
        "PASSWD": password,
        "DB": config.database,
        "SSL_CA": config.ssl_ca,
        "SSL_CERT": config.ssl_cert,
        "SSL_KEY": config.ssl_key,
    }
    return [f"[{section}]"] + [f"{key} = {value}" for key, value in settings.items() if value]


def write_config(path, config, other_lines=()):
    """Write a configuration file with mode 0600, whole or not at all; other_lines come last.

    Raises WriteError or RefusedError.
    """
    section = next(name for name, backend in SECTIONS.items() if backend == config.backend)
    password = base64.b64encode(config.password.encode()).decode()
    lines = [*ini_lines(section, config, password), *other_lines]
    write_whole(path, "\n".join(lines) + "\n", 0o600)


def other_sections(text):
    """Return the lines of a configuration file's text from all sections but the database's."""
    found, is_other = [], False
    for line in text.splitlines():
        heading = configparser.RawConfigParser.SECTCRE.match(line)
        if heading:
            is_other = heading["header"] not in SECTIONS
        if is_other:
            found.append(line)
    return ["", *found] if found else []
