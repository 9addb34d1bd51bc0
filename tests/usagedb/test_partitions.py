"""Tables of module loads that a site has partitioned by month: all works as before, on MariaDB or
MySQL."""

import re

import pytest

from tests.conftest import CHECKOUT, new_site
from tests.readme_blocks import blocks

TABLES = ("lmod_use", "lmod_load")
# The statements of usagedb/README.md, for lmod_use.
(BLOCK,) = [
    block
    for block in blocks((CHECKOUT / "usagedb" / "README.md").read_text())
    if block.lines[0].startswith("ALTER TABLE lmod_use PARTITION")
]
PARTITIONS, NEXT, DROP = [
    statement.replace("lmod_use", "{table}")
    for statement in re.sub("--.*", "", "\n".join(BLOCK.lines)).split(";")
    if statement.strip()
]
OCTOBER, NOVEMBER, DECEMBER = 20_731, 20_771, 20_801  # days since 1970, in 2026


@pytest.fixture
def sites(request, tmp_path):
    """Two Sites on MariaDB: one with partitions, one without."""
    found = []
    for name in ("partitioned", "plain"):
        (tmp_path / name).mkdir()
        found.append(new_site(request, "mysql", tmp_path / name).create("lmod"))
    alter(found[0], PARTITIONS)
    return found


def alter(site, statement):
    """Change both large tables."""
    database = site.connect()
    for table in TABLES:
        database.run_ddl(statement.format(table=table))
    database.close()


def reports(site):
    """Return what the reports and the tables say."""
    found = []
    for words in (("counts", "--loads"), ("usernames",), ("trend",)):
        done = site.run("analyzeLmodDB", "--format", "json", *words)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    return found, site.rows("SELECT COUNT(*), SUM(loads) FROM lmod_use")


def test_a_partitioned_mysql_database_reports_and_deletes_as_one_without(sites, write_log):
    partitioned, plain = sites
    first = write_log(
        ("ann", "gcc/12", "alpha", OCTOBER), ("bob", "gcc/12", "alpha", NOVEMBER), name="first"
    )
    second = write_log(("ann", "gcc/13", "alpha", DECEMBER), name="second")
    for site in sites:
        done = site.run("store_module_data", "--store_all", first)
        assert (done.returncode, done.stderr) == (0, "")
    assert reports(partitioned) == reports(plain)
    alter(partitioned, NEXT)
    for site in sites:
        assert site.run("store_module_data", "--store_all", second).returncode == 0
    assert reports(partitioned) == reports(plain)
    alter(partitioned, DROP)
    for site in sites:
        done = site.run("delete_old_records", "--schema", "lmod", "--end", "2026-11-01", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
    assert reports(partitioned) == reports(plain)
    assert partitioned.rows("SELECT MIN(day) FROM lmod_use") == [(20261114,)]
