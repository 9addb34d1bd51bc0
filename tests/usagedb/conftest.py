"""Another account and a log of module loads, for the tests of the shared commands."""

import pytest

from tests.mysql_server import is_mysql

LINE = (
    "{stamp} c1 ModuleUsageTracking user={user} module={module} path=/apps/{module}.lua"
    " host=c1.{cluster}.example.org time={time}.5 userload=yes jobid=1\n"
)
DAY_SECONDS = 86400


def drop_anonymous(database):
    """Remove MariaDB's anonymous accounts: they hide others, and may do all in test_…."""
    if is_mysql():
        return
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
