"""Another account and a log of module loads, for the tests of the shared commands."""

import contextlib
import os
import pwd
import subprocess
import sys
import sysconfig

import pytest

from tests import services
from tests.conftest import CHECKOUT

LINE = (
    "{stamp} c1 ModuleUsageTracking user={user} module={module} path=/apps/{module}.lua"
    " host=c1.{cluster}.example.org time={time}.5 userload=yes jobid=1\n"
)
DAY_SECONDS = 86400


@pytest.fixture
def nobody(tmp_path):
    """Options for run_command that make the command run as the account nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can run a command as another account")
    account = pwd.getpwnam("nobody")
    options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    services.open_parents(tmp_path / "file")
    # This Python may be where only root can read it; the system's finds the same libraries.
    libraries = sysconfig.get_paths()["purelib"]
    for python in ([sys.executable], ["env", f"PYTHONPATH={libraries}", "/usr/bin/python3"]):
        command = [*python, CHECKOUT / "bin" / "createDB", "--version"]
        with contextlib.suppress(OSError):
            if subprocess.run(command, check=False, capture_output=True, **options).returncode == 0:
                return {**options, "python": python}
    pytest.skip(f"the account nobody cannot read {CHECKOUT} and {sys.prefix}")


def drop_anonymous(database):
    """Remove MariaDB's anonymous accounts: they hide others, and may do all in test_…."""
    database.run_ddl("DELETE FROM mysql.global_priv WHERE User = ''")
    database.run_ddl("DELETE FROM mysql.db WHERE User IN ('', 'PUBLIC')")
    database.run_ddl("FLUSH PRIVILEGES")


@pytest.fixture
def write_log(tmp_path):
    """A function that writes a log with the loads (user, module, cluster, day since 1970)."""

    def write(*loads, name="moduleUsage.log-1"):
        lines = [
            LINE.format(
                stamp="2026-01-01T00:00:00+00:00", user=user, module=module, cluster=cluster,
                time=day * DAY_SECONDS + 100 + number,
            )
            for number, (user, module, cluster, day) in enumerate(loads)
        ]  # fmt: skip
        path = tmp_path / name
        path.write_text("".join(lines))
        return path

    return write
