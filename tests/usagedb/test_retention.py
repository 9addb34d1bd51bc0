"""Every table has rows that are deleted when they are old, or a reason why they stay."""

import re
import time
from pathlib import Path

import pytest

from afcollect.outbox import Outbox
from afcollect.schema import AFMETRICS
from tests.conftest import CHECKOUT, Site
from tests.usagedb.person_site import counts, fill
from usagedb import errors, schema
from usagedb.config import DatabaseConfig, find_config
from usagedb.copy_state import COPY
from usagedb.delete_old_records import Asked, delete_configured, places_of, purging_schemas
from usagedb.person import Places
from usagedb.registry import registered
from usagedb.retention import ENTRY_POINT_GROUP

# Those of tools, of the outbox and of usage_copy: all tables that the suite makes by itself.
SCHEMAS = [*schema.known_schemas().values(), AFMETRICS, COPY]


def test_there_is_no_other_file_of_tables():
    files = {path.name for path in (CHECKOUT / "sql").glob("*.sql")}
    assert files == {tool.file_name for tool in SCHEMAS}


def test_the_readme_names_what_stays_for_ever():
    text = (CHECKOUT / "usagedb" / "README.md").read_text()
    _before, _heading, table = text.partition("| stays for ever | why |\n")
    rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines()]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(name for tool in SCHEMAS for name, _why in tool.kept)


@pytest.mark.parametrize("tool", SCHEMAS, ids=lambda one: one.name)
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


def test_each_schema_is_looked_for_in_the_database_of_its_commands(tmp_path, run):
    """As the documents have it: lmodV2_db.conf says how long, xalt_db.conf where the runs are."""
    sites = {}
    for dbname in ("lmodV2", "xalt"):
        database = tmp_path / dbname / "usage.db"
        database.parent.mkdir()
        sites[dbname] = Site(DatabaseConfig("sqlite", str(database), "test"), database.parent)
        fill(sites[dbname], database.parent / "inputs")
        retention = "[RETENTION]\nxalt = 0\nlmod = 600\n" if dbname == "lmodV2" else ""
        text = f"[SQLITE]\nDB = {database}\n{retention}"
        (tmp_path / f"{dbname}_db.conf").write_text(text)
    done = run("delete_old_records", "--configured", "--yes", "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [counts(one)["xalt_run"] for one in sites.values()] == [2, 0]
    assert all(counts(one)["lmod_use"] for one in sites.values())


def test_rows_of_runs_are_looked_for_in_every_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPCUSAGE_CONF", raising=False)
    for dbname in ("lmodV2", "xalt", "epmt"):
        database = tmp_path / f"{dbname}.db"
        (tmp_path / f"{dbname}_db.conf").write_text(f"[SQLITE]\nDB = {database}\n")
        if dbname != "epmt":
            database.touch()
    found = [place.database for place in places_of("usage", find_config())]
    assert found == [str(tmp_path / "lmodV2.db"), str(tmp_path / "xalt.db")]
    named = find_config("xalt_db.conf")
    assert places_of("usage", named) == places_of("lmod", named) == [named]


def test_no_tables_are_made_where_records_should_be(sqlite_site, tmp_path):
    for arguments in (("--schema", "xalt", "--keepMonths", "1"), ("--configured",)):
        sqlite_site.conf_path.write_text(
            f"[SQLITE]\nDB = {tmp_path / 'usage.db'}\n[RETENTION]\nxalt = 1\nlmod = 1\n"
        )
        done = sqlite_site.run("delete_old_records", *arguments, "--yes")
        assert (done.returncode, done.stdout) == (78, ""), done
        assert "there are no tables of xalt: name the configuration file" in done.stderr
        assert not (tmp_path / "usage.db").exists()
    assert done.stderr.count("there are no tables") == 2  # one schema does not keep the other


def test_a_schema_that_cannot_be_reached_does_not_keep_the_others(tmp_path, run):
    database = tmp_path / "usage.db"
    site = Site(DatabaseConfig("sqlite", str(database), "test"), tmp_path)
    fill(site, tmp_path / "inputs")
    retention = "[RETENTION]\nxalt = 0\nlmod = 0\n"
    (tmp_path / "lmodV2_db.conf").write_text(f"[SQLITE]\nDB = {database}\n{retention}")
    (tmp_path / "xalt_db.conf").write_text("broken\n")
    done = run("delete_old_records", "--configured", "--yes", "-q", cwd=tmp_path)
    assert done.returncode == 78 and "xalt_db.conf" in done.stderr
    assert (counts(site)["lmod_use"], counts(site)["xalt_run"]) == (0, 2)


def test_what_goes_by_itself_decides_the_status(tmp_path, run):
    """It is that with which systemd tries again."""
    (tmp_path / "lmodV2_db.conf").write_text(
        f"[SQLITE]\nDB = {tmp_path / 'usage.db'}\n[RETENTION]\nlmod = 1\nxalt = 1\n"
    )
    (tmp_path / "xalt_db.conf").write_text("[MYSQL]\nHOST = nowhere.invalid\nUSER = u\nDB = d\n")
    done = run("delete_old_records", "--configured", "--yes", "-q", cwd=tmp_path)
    assert done.returncode == 75 and "no tables of lmod" in done.stderr, done


def test_the_outbox_needs_no_configuration_of_a_database(tmp_path, run):
    (tmp_path / "lmodV2_db.conf").write_text("broken\n")
    words = ("delete_old_records", "--schema", "outbox", "--keepMonths", "1", "--yes")
    done = run(*words, "--state-dir", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert run(*words, "--show-config", cwd=tmp_path).returncode == 78


def test_a_signal_ends_all_of_it(site, tmp_path, monkeypatch):
    fill(site, tmp_path / "inputs")
    plain = site.conf_path.read_text()
    site.conf_path.write_text(plain + "\n[RETENTION]\nlmod = 0\nxalt = 0\n")

    def interrupted(*_arguments):
        raise errors.RunInterrupted(15)

    monkeypatch.setitem(vars(schema.known_schemas()["lmod"]), "purge", interrupted)
    how = Asked(True, True, False, 0.0, Places())
    with pytest.raises(errors.RunInterrupted):
        delete_configured(find_config(site.conf_path), how)
    assert counts(site)["xalt_run"] == 2


def test_a_dry_run_changes_nothing_of_older_tables(sqlite_site, tmp_path):
    fill(sqlite_site, tmp_path / "inputs")
    database = sqlite_site.connect()
    newest = "(SELECT MAX(version) FROM usage_schema WHERE schema_name = 'lmod')"
    database.execute(f"DELETE FROM usage_schema WHERE schema_name = 'lmod' AND version = {newest}")
    database.close()
    before = Path(sqlite_site.config.database).read_bytes()
    done = sqlite_site.run("delete_old_records", "--keepMonths", "1", "--dry-run")
    assert (done.returncode, done.stdout) == (78, "") and "run createDB first" in done.stderr
    assert Path(sqlite_site.config.database).read_bytes() == before


def test_runs_are_of_no_cluster(site, tmp_path):
    fill(site, tmp_path / "inputs")
    before = counts(site)["usage_run"]
    words = ("--schema", "usage", "--syshost", "aurora", "--end", "2999-01-01", "--yes")
    done = site.run("delete_old_records", *words)
    assert (done.returncode, done.stdout) == (2, "") and "--syshost is not for" in done.stderr
    assert counts(site)["usage_run"] == before


@pytest.mark.parametrize("name", ["lmod", "xalt", "epmt", "usage"])
def test_no_first_day_is_too_early(site, tmp_path, name):
    site.create()
    words = ("--schema", name, "--start", "0001-01-01", "--end", "2020-01-01", "--dry-run")
    done = site.run("delete_old_records", *words)
    said = "would delete records up to 2019-12-31: nothing\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    early = site.run("delete_old_records", *words[:-2], "1960-01-01", "--dry-run")
    assert (early.returncode, early.stdout) == (2, "")


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
