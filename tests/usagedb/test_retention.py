"""Every table has rows that are deleted when they are old, or a reason why they stay."""

import time

import pytest

from afcollect.outbox import Outbox
from afcollect.schema import AFMETRICS
from tests.usagedb.person_site import counts, fill
from usagedb import schema
from usagedb.delete_old_records import purging_schemas
from usagedb.registry import registered
from usagedb.retention import ENTRY_POINT_GROUP


@pytest.mark.parametrize(
    "tool", [*schema.known_schemas().values(), AFMETRICS], ids=lambda one: one.name
)
def test_every_table_is_deleted_from_or_says_why_not(tool):
    tables = {name for kind, name in tool.tables() if kind == "TABLE"}
    kept = dict(tool.kept)
    assert tables == set(tool.deleted) | set(kept)
    assert not set(tool.deleted) & set(kept) and all(kept.values())


def test_every_schema_and_all_other_data_can_be_deleted():
    assert set(purging_schemas()) == {"usage", "lmod", "xalt", "epmt"}
    assert set(registered(ENTRY_POINT_GROUP)) == {"outbox", "portal"}


def test_what_is_said_to_be_deleted_is_deleted(site, tmp_path):
    fill(site, tmp_path / "inputs")
    for tool in purging_schemas().values():
        words = ("--schema", tool.name, "--end", "2999-01-01", "--yes", "-q")
        done = site.run("delete_old_records", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), tool.name
    left = {table: rows for table, rows in counts(site).items() if rows}
    assert left.pop("usage_run") <= 8  # the last of each command
    kept = {table for tool in purging_schemas().values() for table, _why in tool.kept}
    assert set(left) <= kept, left


def test_the_last_run_of_each_command_stays(site, tmp_path):
    fill(site, tmp_path / "inputs")
    assert site.run("store_module_data", tmp_path / "inputs" / "moduleUsage.log").returncode == 0
    words = ("--schema", "usage", "--end", "2999-01-01", "--yes")
    assert site.run("delete_old_records", *words).returncode == 0
    commands = [row[0] for row in site.rows("SELECT command FROM usage_run ORDER BY command")]
    assert len(commands) == len(set(commands)) and "store_module_data" in commands


def test_the_months_of_each_schema_can_stand_in_the_configuration(site, tmp_path):
    fill(site, tmp_path / "inputs")
    plain = site.conf_path.read_text()
    site.conf_path.write_text(plain + "\n[RETENTION]\nlmod = 0\nepmt = 600\n")
    done = site.run("delete_old_records", "--configured", "--yes", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    left = counts(site)
    assert (left["lmod_use"], left["lmod_user"], left["epmt_job"], left["xalt_run"]) == (0, 0, 2, 2)
    assert "lmod = 0" in site.run("delete_old_records", "--show-config").stdout
    for text in ("lmoD2 = 1", "lmod = many", "lmod = -1"):
        site.conf_path.write_text(plain + f"\n[RETENTION]\n{text}\n")
        done = site.run("delete_old_records", "--configured", "--yes")
        assert (done.returncode, done.stdout) == (78, "") and "[RETENTION]" in done.stderr
    site.conf_path.write_text(plain)
    assert site.run("delete_old_records", "--configured", "--yes").returncode == 78


def test_old_documents_of_the_outbox_go(sqlite_site, tmp_path):
    outbox = Outbox(tmp_path / "outbox")
    outbox.add([{"kind": "ssh", "users": ["ann"]}], 1_000_000_000.0, {})
    outbox.add([{"kind": "ssh", "users": ["bert"]}], time.time(), {})
    outbox.close()
    sqlite_site.create()
    words = ("--schema", "outbox", "--keepMonths", "1", "--state-dir", tmp_path / "outbox")
    done = sqlite_site.run("delete_old_records", *words, "--dry-run")
    assert done.returncode == 0 and "1 rows of afmetrics_document" in done.stdout
    assert sqlite_site.run("delete_old_records", *words, "--yes", "-q").returncode == 0
    outbox = Outbox(tmp_path / "outbox")
    assert [one.body for one in outbox.waiting()] == [{"kind": "ssh", "users": ["bert"]}]
    outbox.close()
