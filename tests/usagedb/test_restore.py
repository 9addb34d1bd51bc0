"""Yesterday's dump and the archive of inputs bring back what was lost, on each database."""

import shutil
import subprocess
from pathlib import Path

from tests import services
from tests.conftest import drop_database, run_command
from tests.epmtlite.made_jobs import archived, made_job, random_records, write_job
from tests.epmtlite.made_jobs import contents as epmt_contents
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from tests.xaltload.loading import contents as xalt_contents
from tests.xaltload.loading import make_records, write_records
from usagedb.database import Database

LOADS = make_loads(900, seed=61)
DAYS = [log_of(LOADS[:250]), log_of(LOADS[250:600]), log_of(LOADS[600:])]
RECORDS = make_records(30, seed=62)
SINGLE_LOADS = (
    "SELECT l.day, l.load_time, u.user_name, m.path, c.cluster_name, l.loads, l.user_load, l.job_id"
    " FROM lmod_load l JOIN lmod_user u ON u.user_id = l.user_id JOIN lmod_module m"
    " ON m.module_id = l.module_id JOIN lmod_cluster c ON c.cluster_id = l.cluster_id"
    " ORDER BY 1, 2, 3, 4"
)


def call(program, *arguments, **options):
    """Run a program of the database's own; it must end with 0 and say nothing."""
    path = services.find_program(program)
    assert path, f"{program} is not installed"
    done = subprocess.run(
        [path, *map(str, arguments)], check=False, capture_output=True, text=True, **options
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def server_options(config):
    """Return the options that name the server to the client programs of a database."""
    if config.backend == "mysql":
        return ["--no-defaults", f"--socket={config.socket}", "--user=root"]
    return ["-h", config.hosts[0], "-p", config.port, "-U", config.user]


def dump(config, path):
    """Write a dump as usagedb/README.md says."""
    if config.backend == "sqlite":
        call("sqlite3", config.database, f".backup '{path}'")
    elif config.backend == "mysql":
        with path.open("wb") as output:
            subprocess.run(
                [services.find_program("mariadb-dump"), *server_options(config),
                 "--single-transaction", "--quick", config.database],
                check=True, stdout=output,
            )  # fmt: skip
    else:
        call("pg_dump", *server_options(config), "-Fc", "-f", path, config.database)


def restore(config, path):
    """Bring a dump back into a new database as usagedb/README.md says."""
    if config.backend == "sqlite":
        shutil.copyfile(path, config.database)
        return
    root = Database(config.replaced(select_database=False))
    root.run_ddl(f"CREATE DATABASE {config.database}")
    root.close()
    if config.backend == "mysql":
        with path.open("rb") as text:
            call("mariadb", *server_options(config), config.database, stdin=text)
    else:
        call("pg_restore", *server_options(config), "-d", config.database, path)


def lose(config):
    """Lose the database: the disk is gone."""
    if config.backend == "sqlite":
        for path in Path(config.database).parent.glob(f"{Path(config.database).name}*"):
            path.unlink()
    else:
        drop_database(config)


class Place:
    """The inputs of a site, and the archive that the loaders keep of them."""

    def __init__(self, site, directory):
        self.site, self.directory, self.archive = site, directory, directory / "archive"
        self.count = 0

    def load_log(self, name, text, *options):
        """Load a log that holds a text by now."""
        path = self.directory / name
        path.write_bytes(text)
        self.run("store_module_data", "--store_all", *options, path)

    def load_records(self, records):
        """Load records of XALT, and archive them."""
        tree = self.directory / "xalt"
        write_records(tree, records)
        self.run("xalt_file_to_db", "--archive", self.archive / "xalt", tree)

    def submit(self, jobid):
        """Store a job of EPMT; what `epmt stage` has packed stays in the archive."""
        records = random_records(50, seed=int(jobid))
        written = write_job(made_job(records, jobid=jobid), self.directory / jobid)
        (self.archive / "epmt").mkdir(exist_ok=True, parents=True)
        packed = Path(shutil.move(archived(written), self.archive / "epmt"))
        self.run("epmt", packed)

    def replay(self):
        """Load the whole archive again as usagedb/README.md says."""
        self.run("store_module_data", "--store_all", *sorted((self.archive / "lmod").iterdir()))
        self.run("xalt_file_to_db", *sorted((self.archive / "xalt").iterdir()))
        self.run("epmt", *sorted((self.archive / "epmt").iterdir()))

    def run(self, command, *arguments):
        words = ("submit", "--confFn") if command == "epmt" else ("--confFn",)
        done = run_command(command, *words, self.site.conf_path, *arguments)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def holds(self):
        """Return what the database holds, without the numbers of rows, and what it reports."""
        reports = [
            run_command(command, "--confFn", self.site.conf_path, *arguments).stdout
            for command, *arguments in (
                ("analyzeLmodDB", "counts", "--format", "json"),
                ("xalt_usage_report", "--start", "2000-01-01"),
            )
        ]
        return (
            self.site.rows(SINGLE_LOADS), xalt_contents(self.site), epmt_contents(self.site),
            reports,
        )  # fmt: skip


def test_yesterdays_dump_and_the_archive_bring_back_all_rows(site, tmp_path):
    place = Place(site.create(), tmp_path / "site")
    place.directory.mkdir()
    to_archive = ("--archive", place.archive / "lmod")
    # Yesterday: one log is whole and archived, the other still grows.
    place.load_log("moduleUsage.log-1", DAYS[0], *to_archive)
    place.load_log("moduleUsage.log", DAYS[1][: DAYS[1].index(b"\n", 20_000) + 1])
    place.load_records(RECORDS[:35])
    place.submit("101")
    dump(site.config, tmp_path / "dump")
    before_midnight = place.holds()
    # Today: it was rotated, and more has come.
    place.load_log("moduleUsage.log-2", DAYS[1], *to_archive)
    place.load_log("moduleUsage.log-3", DAYS[2], *to_archive)
    place.load_records(RECORDS[35:])
    place.submit("102")
    wanted = place.holds()
    assert wanted != before_midnight
    assert_holds(site, LOADS)

    lose(site.config)
    restore(site.config, tmp_path / "dump")
    assert place.holds() == before_midnight
    place.replay()
    assert place.holds() == wanted
    assert_holds(site, LOADS)
    place.replay()  # again: changes nothing
    assert place.holds() == wanted


def test_a_restored_database_is_moved_like_any_other(site, tmp_path, request):
    from tests.conftest import new_site

    place = Place(site.create(), tmp_path / "site")
    place.directory.mkdir()
    place.load_log("moduleUsage.log-1", DAYS[0])
    dump(site.config, tmp_path / "dump")
    lose(site.config)
    restore(site.config, tmp_path / "dump")
    (tmp_path / "new").mkdir()
    target = new_site(request, "sqlite", tmp_path / "new")
    done = run_command("usage_copy", "--from", site.conf_path, "--to", target.conf_path, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_holds(target, LOADS[:250])
