"""The portal's configuration file: what it may say, and how what is wrong is told."""

import dataclasses
import re

import pytest

from tests.conftest import CHECKOUT
from usagedb import errors
from userportal import sections
from userportal.configuration import Configuration, find_configuration, read_configuration

SAMPLE = CHECKOUT / "conf" / "portal.conf.sample"


@pytest.fixture
def read(tmp_path):
    """A function that writes a configuration file and reads it."""

    def read_text(text):
        path = tmp_path / "portal.conf"
        path.write_text(text)
        return read_configuration(path)

    return read_text


def test_the_sample_can_be_read():
    found = read_configuration(SAMPLE)
    assert found.portal.cluster == "mycluster"
    assert found.slurm.conf_file == SAMPLE.parent / "slurm_db.conf"


def test_the_sample_shows_every_setting_with_its_default():
    text = SAMPLE.read_text()
    for name, kind in {**sections.SECTIONS, "storage": sections.Storage}.items():
        part = re.search(rf"^#?\[{name}( \w+)?\]$(.*?)(?=^#?\[|\Z)", text, re.M | re.S).group(2)
        if name in ("slurm", "lmod", "xalt", "epmt"):
            continue
        shown = dict(re.findall(r"^#?(\w+) =(.*)$", part, re.M))
        assert set(shown) == {field.name for field in dataclasses.fields(kind)} - {
            "demo", "history"
        }, name  # fmt: skip


def test_the_sample_s_defaults_are_those_of_the_program(read):
    lines = [line.lstrip("#") for line in SAMPLE.read_text().splitlines()]
    wanted = [line for line in lines if re.match(r"\[(?!storage|links|other)|\w+ = \S", line)]
    wanted = wanted[: wanted.index("file_system = /lustre/project/")]
    found, defaults = read("\n".join(wanted)), Configuration()
    for name in ("exporters", "costs", "limits", "access", "systems"):
        shown, default = getattr(found, name), getattr(defaults, name)
        for field in dataclasses.fields(default):
            one, other = getattr(shown, field.name), getattr(default, field.name)
            assert one == other or one == pytest.approx(other, rel=1e-4), field.name


def test_without_a_file_all_is_default(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPCUSAGE_PORTAL_CONF", raising=False)
    monkeypatch.setattr("userportal.configuration.SYSTEM_DIRECTORY", tmp_path / "etc")
    assert find_configuration() == Configuration()


def test_the_variable_and_the_directory_name_a_file(monkeypatch, tmp_path):
    for name in ("here", "named"):
        (tmp_path / f"{name}.conf").write_text(f"[portal]\ncluster = {name}\n")
    (tmp_path / "here.conf").rename(tmp_path / "portal.conf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPCUSAGE_PORTAL_CONF", raising=False)
    assert find_configuration().portal.cluster == "here"
    monkeypatch.setenv("HPCUSAGE_PORTAL_CONF", str(tmp_path / "named.conf"))
    assert find_configuration().portal.cluster == "named"


def test_values_have_their_kinds(read):
    found = read(
        "[portal]\ncluster = c-1\nhttps = no\nhosts = a, b\nstate = data\n[costs]\n"
        "cooling_cost_per_kwh = none\n[exporters]\nredfish-exporter = 90\n"
        "[storage home]\nfile_system = /home\ndefault_gib = 50\n[links]\nHelp me = https://x.org\n"
    )
    assert (found.portal.https, found.portal.hosts) == (False, ("a", "b"))
    assert found.portal.state.name == "data" and found.portal.state.is_absolute()
    assert found.costs.cooling_cost_per_kwh is None
    assert found.sampling_seconds("redfish-exporter") == 90 and not found.has_exporter("lfs_quota")
    assert found.storage["home"].default_gib == 50.0
    assert found.links == {"Help me": "https://x.org"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[portel]\n", "no section is [portel]; portal is meant?"),
        ("[portal]\nclster = x\n", "[portal] has no setting clster; cluster is meant?"),
        ("[portal]\nhttps = maybe\n", "[portal] https = maybe: say yes or no"),
        ("[portal]\ncluster = a b\n", "[portal] cluster: letters"),
        ("[portal]\ncluster = é\n", "[portal] cluster: letters"),
        ("[portal]\nbase_url = portal\n", "base_url begins and ends with /"),
        ("[portal]\ntime_zone = Mars/Olympus\n", "Mars/Olympus is unknown"),
        ("[portal]\nlog_level = loud\n", "log_level: DEBUG, INFO"),
        ("[storage home]\nkind = gfps\n", "[storage home] kind: lustre or gpfs"),
        ("[storage home]\nlabel = users\n", "[storage home] label is of user, group"),
        ("[portal]\nmodules = jobstat\n", "[portal] modules are of jobstats, accountstats"),
        ("[portal]\nlanguage = de\n", "en or fr"),
        ("[prometheus]\nworkers = -1\n", "workers = -1: must be 0 or more"),
        ("[prometheus]\ntimeout_seconds = nan\n", "must be 0 or more"),
        ("[prometheus]\nworkers = few\n", "no whole number"),
        ("[prometheus]\nurl = prometheus:9090\n", "url begins with http"),
        ("[access]\nmethods = ldap\n", "[ldap] url is needed"),
        ("[access]\nmethods = magic\n", "methods are of password"),
        ("[access]\nmethods =\n", "methods is empty"),
        ("[accounts]\nsource = file\n", "source = file needs file"),
        ("[storage]\n", "no section is [storage]"),
        ("cluster = x\n", "contains no section headers"),
        ("[portal]\ncluster = x\ncluster = y\n", "already exists"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(read, text, told):
    with pytest.raises(errors.ConfigurationError, match=re.escape(told)) as caught:
        read(text)
    assert "portal.conf" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(errors.ConfigurationError, match="cannot read"):
        read_configuration(tmp_path / "nowhere.conf")
    (tmp_path / "bytes.conf").write_bytes(b"\xff\xfe[portal]")
    with pytest.raises(errors.ConfigurationError, match=r"bytes\.conf"):
        read_configuration(tmp_path / "bytes.conf")
