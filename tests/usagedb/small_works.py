"""The small commands that change something, each with what it works on."""

from epmtlite.collect import metaformat
from tests.conftest import Site
from tests.epmtlite.collect.jobs import (
    HEADER_V1,
    ROW_A,
    ROW_B,
    ROW_B2,
    files_v1,
    members_of,
    write_archive,
)
from tests.fault_points import Fault, Place
from tests.lmodtrack.logs import stored_use
from tests.lmodtrack.test_convert_again import with_old_table
from tests.usagedb import person_site
from tests.usagedb.test_fault_points import everything
from usagedb.config import DatabaseConfig

OLD_MICROSECONDS = 1_600_000_000_000_000


class Work:
    """A directory with what a command changes, and the words of the command."""

    words: tuple = ()
    done_status = 0  # of a run that finds the work done

    def __init__(self, directory, faults):
        self.faults, self.directory = faults, directory / "place"
        self.directory.mkdir()
        config = DatabaseConfig("sqlite", str(self.directory / "usage.db"), "test")
        self.site = Site(config, self.directory)
        self.settings = self.directory / "epmt.ini"
        self.settings.write_text(f"[EPMT]\nepmt_output_prefix = {self.directory}/out/\n")
        self.fill()
        self.place = Place(self.directory)
        self.before = self.held()
        assert self.run(Fault()).returncode == 0
        self.wanted = self.held()
        assert self.wanted != self.before

    def fill(self):
        """Make what is changed: by default a database with data of all tools."""
        person_site.fill(self.site, self.directory / "inputs")

    def run(self, fault):
        """Run the command."""
        return self.faults.run(*self.words, fault=fault, **self.environment())

    def environment(self):
        """Return where a command is run, and its variables."""
        return {
            "cwd": self.directory, "EPMT_SETTINGS": str(self.settings),
            "HPCUSAGE_CONF": str(self.site.conf_path), "SLURM_JOB_ID": "7",
        }  # fmt: skip

    def held(self):
        """Return what is there."""
        return everything(self.site)

    def check_between(self):
        """Look at what the fault has left."""


class Accounts(Work):
    """What each account is for, replaced by a file."""

    words = ("xalt_load_fos", "--replace", "--yes", "fields.csv")

    def held(self):
        """Return the accounts: their numbers differ."""
        columns = "account, field_of_science, directorate"
        return self.site.rows(f"SELECT {columns} FROM xalt_field_of_science ORDER BY account")

    def fill(self):
        """Store other accounts before."""
        super().fill()
        fields = self.directory / "fields.csv"
        fields.write_text("abc,Physics,MPS\nold,Music,ARTS\n")
        assert self.site.run("xalt_load_fos", fields).returncode == 0
        fields.write_text("abc,Chemistry,MPS\nnew,Botany,BIO\n")

    def check_between(self):
        """All accounts are those of one of the two files."""
        assert self.held() in (self.before, self.wanted)


class Modules(Work):
    """The modules of what is stored, named anew by a reverse map."""

    words = ("xalt_update_modules", "--reverseMapD", ".", "--all")

    def fill(self):
        """Write a map."""
        super().fill()
        text = '{"reverseMapT": {"/lib64": "system/1", "/home/otter": "otter/2"}}'
        (self.directory / "xalt_rmapT.json").write_text(text)


class Note(Work):
    """An annotation of a stored job."""

    words = ("epmt", "annotate", "100", "checked=yes")

    def held(self):
        """Return the annotations: when they were made differs."""
        return self.site.rows("SELECT jobid, annotations FROM epmt_job ORDER BY jobid")


class Care(Work):
    """A job that is old, and the rest of one that was stored by a run that was stopped."""

    words = ("epmt", "dbcare", "--retire-jobs")

    def fill(self):
        """Make one job old, and leave the processes of another without their job."""
        super().fill()
        database = self.site.connect()
        number = database.rows("SELECT id FROM epmt_job WHERE jobid = '100'")[0][0]
        database.execute("DELETE FROM epmt_job WHERE id = ?", (number,))
        database.execute("INSERT INTO epmt_partial (job_id, begun_at) VALUES (?, 1)", (number,))
        database.execute('UPDATE epmt_job SET "end" = ?', (OLD_MICROSECONDS,))
        database.close()


class Retirement(Care):
    """A job that is old."""

    words = ("epmt", "retire")


class Tables(Work):
    """The tables of a new database."""

    words = ("createDB", "-q", "--schema", "lmod")

    def fill(self):
        """Make nothing."""

    def held(self):
        """Return the tables and views; none where there is no file."""
        if not (self.directory / "usage.db").exists():
            return []
        return self.site.rows("SELECT type, name, sql FROM sqlite_master ORDER BY name")


class OldModules(Work):
    """A table of an older Lmod database, one of whose rows is rejected."""

    words = ("convert_lmod_db", "-q", "--reject", "rejected")

    def fill(self):
        """Make the older table beside ours."""
        with_old_table(self.site).create("lmod")
        database = self.site.connect()
        database.execute("UPDATE moduleT SET \"user\" = '' WHERE id = 7")
        database.close()

    def run(self, fault):
        """Run it; that a row is rejected is told by the status of the run that reads it."""
        done = super().run(fault)
        is_expected = done.returncode == 3
        return done if not is_expected else type(done)(0, done.stdout, done.stderr, done.steps)

    def held(self):
        """Return the loads, and whether the rejected row is kept."""
        path = self.directory / "rejected"
        return stored_use(self.site), path.exists() and '"line": 7' in path.read_text()


class Configuration(Work):
    """A configuration file that is replaced."""

    words = ("conf_create", "--backend", "sqlite", "--dbname", "/srv/new/usage.db", "--force")

    def fill(self):
        """Write an older one."""
        (self.directory / "usage_db.conf").write_text(
            "[SQLITE]\nDB = /srv/old/usage.db\n[SITE]\nTIMEZONE = UTC\n"
        )

    def held(self):
        """Return its text."""
        return (self.directory / "usage_db.conf").read_text()

    def check_between(self):
        """It is the old or the new one."""
        assert self.held() in (self.before, self.wanted)


class Deletion(Work):
    """A job that is deleted."""

    words = ("epmt", "delete", "100")
    done_status = 66


class Pseudonym(Work):
    """A person who gets another name."""

    words = ("usage_person", "pseudonymise", "otter", "--as", "anon-1", "--yes", "-q",
             *person_site.ACTIONS)  # fmt: skip


class Beginning(Work):
    """The metadata of a job that begins."""

    words = ("epmt", "start")

    def fill(self):
        """Nothing is there."""

    def held(self):
        """Return {path: keys of the metadata} of whole files."""
        return {
            path.name: sorted(metaformat.loads(path.read_bytes(), str(path)))
            for path in self.directory.glob("out/*/7/[!.]*")
        }


class End(Beginning):
    """The metadata of a job that ends."""

    words = ("epmt", "stop")

    def fill(self):
        """Begin the job."""
        assert self.faults.run("epmt", "start", **self.environment()).returncode == 0

    def check_between(self):
        """Those of a job that has begun are there, or those of one that has ended, or both."""
        assert self.held() in (self.before, self.wanted, {**self.before, **self.wanted})


class Archive(Work):
    """An archive of a job, which is annotated."""

    words = ("epmt", "annotate", "77.tgz", "checked=yes")

    def fill(self):
        """Write the archive."""
        self.path = self.directory / "77.tgz"
        write_archive(str(self.path), files_v1().items())

    def held(self):
        """Return {name: content} of its members."""
        return members_of(str(self.path))

    def check_between(self):
        """It is the old or the new one, whole."""
        assert self.held() in (self.before, self.wanted)


class OldArchive(Archive):
    """An archive of CSV files, which becomes one of TSV files."""

    words = ("epmt", "convert", "77.tgz")
    done_status = 65


class Files(Work):
    """The CSV files of a job, which are joined."""

    words = ("epmt", "concat", "job", "--output", "n1-collated-papiex-77-0.csv")
    done_status = 74

    def fill(self):
        """Write two."""
        (self.directory / "job").mkdir()
        for number, row in enumerate((ROW_A, ROW_B + "\n" + ROW_B2)):
            path = self.directory / "job" / f"n1-papiex-{number}-0.csv"
            path.write_text(f"{HEADER_V1}\n{row}\n")

    def held(self):
        """Return {path: text} of all files that are whole."""
        return {path.name: path.read_text() for path in self.directory.rglob("[!.]*.csv")}

    def check_between(self):
        """The joined file is whole, or not there."""
        assert self.held() in (self.before, self.wanted)


WORKS = (
    Accounts, Modules, Note, Care, Retirement, Deletion, Pseudonym, Tables, OldModules,
    Configuration, Beginning, End, Archive, OldArchive, Files,
)  # fmt: skip
