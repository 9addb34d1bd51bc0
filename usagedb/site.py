"""What the section [SITE] of the configuration says about the site: time zones and clusters.

[SITE]
TIMEZONE = America/Chicago
CLUSTERS =
    alder: lmod=alder,login xalt=alder slurm=fr timezone=America/Chicago
SYSHOST_MAP = /etc/hpcusage/syshost-map
"""

import dataclasses
import zoneinfo

from usagedb import errors

SYSTEMS = ("lmod", "xalt", "slurm")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """One cluster of the site."""

    name: str
    aliases: dict  # system ("lmod", "xalt", "slurm") -> tuple of the names used there
    zone: object  # ZoneInfo, or None for the machine's own time zone


@dataclasses.dataclass(frozen=True)
class Site:
    """The site's clusters and its time zone (None: the machine's)."""

    zone: object
    clusters: tuple
    syshost_map: str  # path of a file, or ''

    def cluster_of(self, system, name):
        """Return (name, zone) of the cluster that `system` calls `name`."""
        for cluster in self.clusters:
            if name == cluster.name or name in cluster.aliases.get(system, ()):
                return cluster.name, cluster.zone or self.zone
        return name, self.zone


def read_site(config):
    """Return the Site that a DatabaseConfig describes. Raises ConfigurationError."""
    lines = config.site.get("CLUSTERS", "").strip().splitlines()
    return Site(
        zone=time_zone(config.site.get("TIMEZONE", ""), config.source),
        clusters=tuple(parse_cluster(line, config.source) for line in lines if line.strip()),
        syshost_map=config.site.get("SYSHOST_MAP", ""),
    )


def time_zone(name, source):
    """Return the ZoneInfo of an IANA name, None for ''. Raises ConfigurationError."""
    if not name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise errors.ConfigurationError(f"{source}: unknown time zone {name}") from error


def parse_cluster(line, source):
    """Return the Cluster of one line of CLUSTERS. Raises ConfigurationError."""
    name, colon, rest = line.strip().partition(":")
    fields = dict(field.partition("=")[::2] for field in rest.split())
    unknown = set(fields) - {*SYSTEMS, "timezone"}
    if not (colon and name.strip()) or unknown:
        raise errors.ConfigurationError(
            f"{source}: CLUSTERS: cannot read {line.strip()!r}: write"
            " NAME: lmod=NAME,NAME xalt=NAME slurm=NAME timezone=ZONE"
        )
    aliases = {system: tuple(fields[system].split(",")) for system in SYSTEMS if system in fields}
    return Cluster(name.strip(), aliases, time_zone(fields.get("timezone", ""), source))
