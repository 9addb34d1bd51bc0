"""The section [SITE]: time zones, and the names that a cluster has in each system."""

import zoneinfo

import pytest

from usagedb import errors
from usagedb.config import read_config
from usagedb.site import read_site

SITE = """[SQLITE]
DB = usage.db
[SITE]
timezone = Europe/Berlin
CLUSTERS =
    alder: lmod=alder,login xalt=front slurm=fr timezone=America/Chicago

    birch:
SYSHOST_MAP = /etc/hpcusage/syshost-map
"""


@pytest.fixture
def site_of(tmp_path):
    """A function that returns the Site of a configuration file with this text."""

    def read(text):
        path = tmp_path / "x.conf"
        path.write_text(text)
        path.chmod(0o600)
        return read_site(read_config(path))

    return read


def test_without_a_section_there_is_nothing_special(site_of):
    site = site_of("[SQLITE]\nDB = x\n")
    assert (site.zone, site.clusters, site.syshost_map) == (None, (), "")
    assert site.cluster_of("lmod", "any") == ("any", None)


@pytest.mark.parametrize(
    "system, name, cluster, zone",
    [
        ("lmod", "login", "alder", "America/Chicago"),
        ("lmod", "alder", "alder", "America/Chicago"),
        ("xalt", "front", "alder", "America/Chicago"),
        ("slurm", "fr", "alder", "America/Chicago"),
        ("xalt", "login", "login", "Europe/Berlin"),
        ("lmod", "birch", "birch", "Europe/Berlin"),
        ("lmod", "Alder", "Alder", "Europe/Berlin"),
    ],
)
def test_a_cluster_is_found_by_the_name_of_each_system(site_of, system, name, cluster, zone):
    assert site_of(SITE).cluster_of(system, name) == (cluster, zoneinfo.ZoneInfo(zone))


def test_the_map_of_hosts_is_named(site_of):
    assert site_of(SITE).syshost_map == "/etc/hpcusage/syshost-map"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "America"])
def test_an_unknown_time_zone_ends_with_78(site_of, zone):
    with pytest.raises(errors.ConfigurationError, match="unknown time zone"):
        site_of(SITE.replace("Europe/Berlin", zone))


@pytest.mark.parametrize("line", ["alder", ": lmod=x", "a: lmud=x", "a: lmod=x y"])
def test_a_line_that_cant_be_read_is_shown_with_its_form(site_of, line):
    with pytest.raises(errors.ConfigurationError, match="write NAME: lmod=NAME"):
        site_of(f"[SQLITE]\nDB = x\n[SITE]\nCLUSTERS =\n    {line}\n")
