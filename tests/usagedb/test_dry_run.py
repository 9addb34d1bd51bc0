"""A dry run says what would be done where there is no database yet, and makes none."""

import stat

import pytest

from lmodtrack.schema import LOADER_LOCK
from tests.conftest import Site, run_command
from tests.epmtlite.made_jobs import made_job, record, write_job
from tests.lmodtrack.test_convert_again import with_old_table
from tests.usagedb.person_site import write_log, write_records
from usagedb.config import DatabaseConfig
from usagedb.database import Database
from usagedb.locks import only_one


def log(directory):
    return ["store_module_data", "-v", "--delete", write_log(directory, "otter", "bert")]


def record_tree(directory):
    write_records(directory / "tree", "otter", "bert")
    return ["xalt_file_to_db", "--format", "json", directory / "tree"]


def empty_syslog(directory):
    path = directory / "xalt.log"
    path.write_text("")
    return ["xalt_syslog_to_db", "--format", "json", "--leftover", directory / "rest", path]


def fields(directory):
    path = directory / "fields.csv"
    path.write_text("acct1,Physics,X\n")
    return ["xalt_load_fos", "--replace", path]


def reverse_map(directory):
    (directory / "map").mkdir()
    (directory / "map" / "xalt_rmapT.json").write_text('{"reverseMapT": {"/apps/gcc": "gcc/12"}}')
    return ["xalt_update_modules", "--reverseMapD", directory / "map"]


def dump(directory):
    return ["convert_lmod_db", write_log(directory, "otter", "bert")]


def old_jobs(directory):
    return ["epmt", "retire"]


def job(directory):
    return ["epmt", "submit", write_job(made_job([record()]), directory / "7")]


CASES = (
    (log, 0, "10 loads"),
    (record_tree, 0, '"records": '),
    (empty_syslog, 0, '"records": 0'),
    (fields, 0, "would store the fields of 1 accounts, forget those of 0\n"),
    (reverse_map, 0, "would change 0 rows of xalt_object"),
    (dump, 0, ""),
    (old_jobs, 0, ""),
    (job, 0, ""),
)


def listing(directory):
    """Return what there is in a directory, with the times of all changes."""
    found = {}
    for path in [directory, *directory.rglob("*")]:
        status = path.lstat()
        # The directory of a database in WAL mode changes while it is read.
        is_directory = stat.S_ISDIR(status.st_mode)
        found[path] = None if is_directory else (status.st_ino, status.st_mtime_ns, status.st_size)
    return found


def tried(site, words):
    """Run a command with --dry-run; return its end."""
    command, *rest = words
    if command == "epmt":
        return run_command(command, rest[0], "--dry-run", "--confFn", site.conf_path, *rest[1:])
    return site.run(command, "--dry-run", *rest)


@pytest.mark.parametrize("make, status, text", CASES, ids=[case[0].__name__ for case in CASES])
@pytest.mark.parametrize("has_file", [False, True])
def test_no_database_is_made_for_a_dry_run(sqlite_site, tmp_path, make, status, text, has_file):
    words = make(tmp_path)
    if has_file:  # with tables, but not these
        sqlite_site.create("usage")
    before = listing(tmp_path)
    done = tried(sqlite_site, words)
    assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
    assert text in done.stdout + done.stderr
    assert listing(tmp_path) == before


def test_a_dry_run_of_a_conversion_reads_the_older_tables_alone(sqlite_site, tmp_path):
    with_old_table(sqlite_site)
    before = listing(tmp_path)
    done = sqlite_site.run("convert_lmod_db", "--dry-run")
    assert done.returncode == 0 and "rows to take over" in done.stdout, done.stderr
    assert listing(tmp_path) == before


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_a_conversion_makes_no_older_database(sqlite_site, tmp_path, words):
    done = sqlite_site.run("convert_lmod_db", *words)
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == f"Error: there is no database {sqlite_site.config.database}\n"
    assert set(listing(tmp_path)) == {tmp_path, sqlite_site.conf_path}


def test_a_conversion_is_from_tables_or_from_dumps(sqlite_site):
    for option in (["--rename-old"], ["--from", sqlite_site.conf_path]):
        done = sqlite_site.run("convert_lmod_db", *option, "dump.json")
        assert done.returncode == 2 and "DUMPs" in done.stderr


def test_the_words_of_the_tables_make_no_database(sqlite_site, tmp_path, run):
    before = listing(tmp_path)
    done = run("epmt", "schema", "--confFn", sqlite_site.conf_path)
    assert done.returncode == 0 and "CREATE TABLE epmt_job" in done.stdout
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    "words",
    [
        ["store_module_data", "--dry-run", "/dev/null"],
        ["delete_old_records", "--dry-run", "--keepMonths", "3"],
        ["usage_person", "export", "otter", "--schema", "lmod"],
        ["convert_lmod_db", "--dry-run"],
        ["analyzeLmodDB", "counts"],
    ],
    ids=lambda words: words[0],
)
def test_a_database_that_this_account_may_not_look_for_is_refused(tmp_path, nobody, words):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    site = Site(DatabaseConfig("sqlite", str(closed / "usage.db"), "test"), tmp_path)
    site.create("lmod").conf_path.chmod(0o644)
    done = site.run(*words, **nobody)
    assert done.returncode == 77 and done.stderr.count("\n") == 1, done.stderr
    assert str(closed) in done.stderr


def test_a_dry_run_does_not_keep_the_loader_waiting(site, tmp_path):
    """Nor does a loader keep it from looking."""
    path = write_log(tmp_path, "otter", "bert")
    database = site.create("lmod").connect()
    with only_one(database, LOADER_LOCK):
        done = site.run("store_module_data", "--dry-run", "-v", path)
        assert done.returncode == 0 and "10 loads" in done.stderr
        assert site.run("store_module_data", path).returncode == 75
    database.close()


def test_a_dry_run_refuses_tables_of_an_older_version(sqlite_site, tmp_path):
    path = write_log(tmp_path, "otter", "bert")
    database = Database(sqlite_site.create("lmod").config)
    newest = "SELECT max(version) FROM usage_schema WHERE schema_name = 'lmod'"
    database.execute(
        f"DELETE FROM usage_schema WHERE schema_name = 'lmod' AND version = ({newest})"  # noqa: S608
    )
    database.close()
    before = listing(tmp_path)
    done = sqlite_site.run("store_module_data", "--dry-run", path)
    assert done.returncode == 78 and "older version: run createDB first" in done.stderr
    assert listing(tmp_path) == before
