"""Fixtures of the system tests: a private Lmod site and the log that its loads reach."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import Rsyslogd, require_service
from tests.system.lmod import LmodSite, UsageLog

# The portal needs Python 3.10.
WITH_PORTAL = ["test_portal_browser.py", "test_portal_slurm.py"]
collect_ignore = WITH_PORTAL if sys.version_info < (3, 10) else []


@pytest.fixture
def usage_log(tmp_path: Path) -> Iterator[UsageLog]:
    """Give the log that a private rsyslogd writes, with the shipped configuration."""
    require_service("rsyslogd")
    log_path = tmp_path / "moduleUsage.log"
    with Rsyslogd(tmp_path / "rsyslog", log_path) as rsyslogd:
        yield UsageLog(log_path, rsyslogd.port)


@pytest.fixture
def bare_site(tmp_path: Path) -> LmodSite:
    """Give a site with a few modules and without SitePackage.lua."""
    require_service("lmod", "logger")
    site = LmodSite(tmp_path / "lmod")
    site.add_module("gcc/13.2", 'depends_on("zlib")\n')
    site.add_module("zlib/1.3")
    site.add_module("old/1.0", "#%Module\nsetenv OLD 1\n")
    site.add_module("secret/.1.0")
    site.add_module("toolkit/1.0", 'load("secret/.1.0")\nload("zlib")\n')
    site.add_module("broken/1.0", 'load("zlib")\nLmodError("broken on purpose")\n')
    return site


@pytest.fixture
def site(bare_site: LmodSite, usage_log: UsageLog) -> LmodSite:
    """Give a site whose loads are sent by `logger` to the private rsyslogd."""
    bare_site.install(server_host="127.0.0.1", server_port=usage_log.port)
    return bare_site
