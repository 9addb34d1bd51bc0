"""Read the portal's configuration: one INI file, checked as a whole."""

import dataclasses
import difflib
import ipaddress
import os
import re
import typing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from usagedb import errors
from userportal import sections
from userportal.ini_file import read_ini

VARIABLE = "HPCUSAGE_PORTAL_CONF"
NAME = "portal.conf"
SYSTEM_DIRECTORY = Path("/etc/hpcusage")
SYSTEM_STATE = Path("/var/lib/hpcusage")
METHODS = ("password", "ldap", "remote_user", "headers")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TRUE, FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


@dataclasses.dataclass(frozen=True)
class Configuration:
    """All settings; each field is a section of the file, with its defaults."""

    source: str = "no configuration file"  # the file's path
    portal: sections.Portal = sections.Portal()
    database: sections.DatabaseFile = sections.DatabaseFile()
    slurm: sections.DatabaseFile = sections.DatabaseFile()
    lmod: sections.DatabaseFile = sections.DatabaseFile()
    xalt: sections.DatabaseFile = sections.DatabaseFile()
    epmt: sections.DatabaseFile = sections.DatabaseFile()
    prometheus: sections.Prometheus = sections.Prometheus()
    exporters: sections.Exporters = sections.Exporters()
    access: sections.Access = sections.Access()
    accounts: sections.Accounts = sections.Accounts()
    ldap: sections.Ldap = sections.Ldap()
    costs: sections.Costs = sections.Costs()
    limits: sections.Limits = sections.Limits()
    files: sections.Files = sections.Files()
    systems: sections.Systems = sections.Systems()
    storage: dict = dataclasses.field(default_factory=dict)  # name -> Storage
    links: dict = dataclasses.field(default_factory=dict)  # name -> URL
    other_portals: dict = dataclasses.field(default_factory=dict)

    def has_exporter(self, name):
        """Tell whether an exporter is installed; its name as in [exporters], - or _ between."""
        return bool(self.sampling_seconds(name))

    def sampling_seconds(self, name):
        """Return the seconds between two samples of an exporter, 0 if it is not installed."""
        return getattr(self.exporters, name.replace("-", "_"))


def find_configuration(path=None):
    """Read the file that is named, else $HPCUSAGE_PORTAL_CONF, else ./portal.conf, else the one in
    /etc/hpcusage; without any, return the defaults.

    Raises ConfigurationError or RefusedError. Read-only.
    """
    named = path or os.environ.get(VARIABLE)
    if named:
        return read_configuration(named)
    for directory in (Path(), SYSTEM_DIRECTORY):
        if os.path.isfile(directory / NAME):  # noqa: PTH113 - False also where we may not look
            return read_configuration(directory / NAME)
    return Configuration()


def read_configuration(path):
    """Read one file. Raises ConfigurationError or RefusedError, which name the place."""
    path = Path(path).absolute()
    found: dict[str, Any] = {"source": str(path), "storage": {}}
    for name, values in read_ini(path, keeps_case=True).items():  # names of links have capitals
        read_section(found, name, values, path)
    configuration = Configuration(**found)
    check(configuration)
    return configuration


def read_section(found, name, values, path):
    """Add what a section holds to the fields of a Configuration."""
    word, _blank, rest = name.partition(" ")
    if name in sections.SECTIONS:
        found[name] = section_of(sections.SECTIONS[name], name, values, path)
    elif word in sections.NAMED_SECTIONS and rest.strip():
        kind = sections.NAMED_SECTIONS[word]
        found[word][rest.strip()] = section_of(kind, name, values, path)
    elif name in sections.FREE_SECTIONS:
        found[name.replace(" ", "_")] = values
    else:
        names = [*sections.SECTIONS, *sections.NAMED_SECTIONS, *sections.FREE_SECTIONS]
        raise errors.ConfigurationError(f"{path}: no section is [{name}]{near(name, names)}")


def section_of(kind, name, values, path):
    """Return one section as its dataclass. Raises ConfigurationError."""
    annotations = typing.get_type_hints(kind)
    found = {}
    for key, text in values.items():
        key = key.lower().replace("-", "_")
        if key not in annotations:
            raise errors.ConfigurationError(
                f"{path}: [{name}] has no setting {key}{near(key, annotations)}"
            )
        try:
            found[key] = value_of(annotations[key], text.strip(), path.parent)
        except ValueError as error:
            raise errors.ConfigurationError(f"{path}: [{name}] {key} = {text}: {error}") from None
    return kind(**found)


def value_of(annotation, text, directory):
    """Return a setting's text as what its annotation says. Raises ValueError, which tells why."""
    kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    if kinds:
        if not text or text.lower() == "none":
            return None
        annotation = kinds[0]
    if annotation is tuple:
        return tuple(word.strip() for word in text.split(",") if word.strip())
    if annotation is bool:
        if text.lower() not in (*TRUE, *FALSE):
            raise ValueError("say yes or no")
        return text.lower() in TRUE
    if annotation is Path:
        return (directory / text).absolute()
    if annotation in (int, float):
        return number_of(annotation, text)
    return text


def number_of(kind, text):
    """Return a number of a setting, 0 or more. Raises ValueError."""
    try:
        number = kind(text)
    except ValueError:
        raise ValueError("no number" if kind is float else "no whole number") from None
    if not 0 <= number < float("inf"):
        raise ValueError("must be 0 or more")
    return number


def near(name, names):
    """Return a hint at the name that may have been meant, or ""."""
    found = difflib.get_close_matches(name, names, n=1)
    return f"; {found[0]} is meant?" if found else ""


def check(configuration):
    """Raise ConfigurationError for what cannot be, though each setting is well written."""
    portal, access, path = configuration.portal, configuration.access, configuration.source
    complaints = {
        "[portal] cluster: letters, digits, - and _": re.fullmatch(r"[\w-]+", portal.cluster, re.A),
        "[portal] hosts is empty: every page would be refused": portal.hosts,
        "[portal] base_url begins and ends with /": re.fullmatch(r"/(\S*/)?", portal.base_url),
        "[portal] language: en or fr": portal.language in ("en", "fr"),
        f"[access] methods are of {', '.join(METHODS)}": set(access.methods) <= set(METHODS),
        "[access] methods is empty": access.methods,
        f"[access] trusted_proxies: {wrong_proxy(access.trusted_proxies)} is no address, no network"
        " and not unix": not wrong_proxy(access.trusted_proxies),
        "[accounts] source: slurm, ldap or file": configuration.accounts.source
        in ("slurm", "ldap", "file"),
        "[accounts] source = file needs file": configuration.accounts.source != "file"
        or configuration.accounts.file,
        "[ldap] url is needed": configuration.ldap.url
        or not ("ldap" in access.methods or configuration.accounts.source == "ldap"),
        "[prometheus] url begins with http:// or https://": not configuration.prometheus.url
        or re.match(r"https?://[^/\s]", configuration.prometheus.url),
        f"[portal] time_zone: {portal.time_zone} is unknown": is_zone(portal.time_zone),
        f"[portal] log_level: {', '.join(LEVELS)}": portal.log_level.upper() in LEVELS,
        f"[portal] modules are of {', '.join(sections.MODULES)}": set(portal.modules)
        <= set(sections.MODULES),
    }
    for name, storage in configuration.storage.items():
        complaints[f"[storage {name}] kind: lustre or gpfs"] = storage.kind in ("lustre", "gpfs")
        labels = sections.STORAGE_LABELS
        complaints[f"[storage {name}] label is of {', '.join(labels)}"] = storage.label in labels
    for complaint, is_well in complaints.items():
        if not is_well:
            raise errors.ConfigurationError(f"{path}: {complaint}")


def wrong_proxy(texts):
    """Return the first that is no address, no network and not "unix"; "" if all are well."""
    for text in texts:
        try:
            if text != "unix":
                ipaddress.ip_network(text, strict=False)
        except ValueError:
            return text
    return ""


def is_zone(name):
    """Tell whether a time zone of this name is known."""
    try:
        return bool(ZoneInfo(name))
    except (ValueError, OSError, KeyError):
        return False


def state_directory(configuration):
    """Return where the portal keeps its own files: its database, its key.

    That of the configuration, else /var/lib/hpcusage for root, else below the home directory.
    """
    if configuration.portal.state:
        return configuration.portal.state
    if os.geteuid() == 0:
        return SYSTEM_STATE
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "hpcusage"
