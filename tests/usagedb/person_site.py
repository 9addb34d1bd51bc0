"""A site with data of all tools about some people, and what is left of a name in a database."""

import re

from tests.epmtlite.made_jobs import epmt, made_job, record, write_job
from tests.xaltload.samples import LINK, PACKAGE, RUN, changed, written
from usagedb import schema
from xaltload.compressed import uncompressed

RUN_NAME = (
    "run.aurora.2026_01_01_00_00_00_000{n}.{user}.zzz.0188a2f0-0000-7000-8000-00000000000{n}.json"
)
LINK_NAME = (
    "link.aurora.2025_12_31_23_50_00_000{n}.{user}.0188a2f0-0000-7000-8000-00000000000b.json"
)
PACKAGE_NAME = (
    "pkg.aurora.2026_01_01_00_00_00_0001.{user}.0188a2f0-0000-7000-8000-000000000001"
    ".012345678901.json"
)
LOG_LINE = (
    "2026-01-0{day}T00:00:00+00:00 c1 ModuleUsageTracking user={user} module={module}"
    " path={path}/{module}.lua host=c1.alpha.example.org time={time}.5 userload=yes jobid=1\n"
)
UUID = "0188a2f0-0000-7000-8000-00000000000{n}"
ACTIONS = ("--schema", "lmod", "--schema", "xalt", "--schema", "epmt")


def fill(site, directory, user="otter", other="bert"):
    """Load inputs of two people with every tool; return {tool: paths} of the inputs."""
    site.create("lmod", "xalt", "epmt")
    directory.mkdir(exist_ok=True)
    inputs = {
        "lmod": [write_log(directory, user, other)],
        "xalt": [write_records(directory / "xalt", user, other)],
        "epmt": write_jobs(directory, user, other),
    }
    load(site, inputs)
    return inputs


def load(site, inputs, status=0):
    """Load the inputs; again: nothing is new."""
    done = site.run("store_module_data", "--store_all", *inputs["lmod"])
    assert (done.returncode, done.stderr) == (0, "")
    done = site.run("xalt_file_to_db", "-q", *inputs["xalt"])
    assert (done.returncode, done.stderr) == (0, "")
    epmt(site, "submit", *inputs["epmt"], status=status)


def write_log(directory, user, other):
    """Write a log: each has loads on two days; some module files are the user's own."""
    path = directory / "moduleUsage.log"
    lines = []
    for number, (who, module, place) in enumerate(
        [
            (user, "gcc/12", "/apps/mods"), (other, "gcc/12", "/apps/mods"),
            (user, "mine/1", f"/home/{user}/mods"), (other, "mine/1", f"/home/{user}/mods"),
            (other, f"{user}/2", "/apps/mods"),  # a module that is called so is no person
        ]
    ):  # fmt: skip
        for day in (1, 2):
            moment = 1767225600 + (day - 1) * 86400 + number
            lines.append(LOG_LINE.format(day=day, user=who, module=module, path=place, time=moment))
    path.write_text("".join(lines))
    return path


def write_records(directory, user, other):
    """Write records of XALT: a run, a link and a package of the user; a run of the other one."""
    directory.mkdir()
    environment = {
        "USER": user, "HOME": f"/home/{user}", "MAIL": f"{user}@example.org",
        "PATH": f"/home/{user}/bin:/usr/bin",
    }  # fmt: skip
    libraries = [["/lib64/libc-2.28.so", "0"], [f"/home/{user}/lib/libx.so", "0"]]
    mine = changed(
        RUN, userT__user=user, userT__exec_path=f"/home/{user}/prog", userT__cwd=f"/home/{user}",
        envT=environment, libA=libraries, cmdlineA=["./prog", f"--out=/scratch/{user}/x"],
    )  # fmt: skip
    others = changed(
        RUN, userT__user=other, userT__exec_path=f"/home/{user}/prog", userT__cwd=f"/home/{other}",
        userT__run_uuid=UUID.format(n=2),
        envT={"USER": other, "PATH": f"/home/{user}/bin:/usr/bin"}, libA=libraries,
        cmdlineA=["./prog", f"/scratch/{user}/x", user],
    )  # fmt: skip
    link = changed(
        LINK, resultT__build_user=user, resultT__exec_path=f"/home/{user}/prog",
        resultT__wd=f"/home/{user}", link_line=["gcc", "-o", f"/home/{user}/prog"],
    )  # fmt: skip
    package = changed(PACKAGE, package_path=f"/home/{user}/py/numpy/__init__.py")
    (directory / RUN_NAME.format(n=1, user="x")).write_bytes(written(mine))
    (directory / RUN_NAME.format(n=2, user="x")).write_bytes(written(others))
    (directory / LINK_NAME.format(n=1, user="x")).write_bytes(written(link))
    (directory / PACKAGE_NAME.format(user="x")).write_bytes(written(package))
    return directory


def write_jobs(directory, user, other):
    """Write a job of each."""
    paths = []
    for jobid, who in (("100", user), ("101", other)):
        environment = {
            "HOME": f"/home/{who}", "EPMT_JOB_TAGS": f"exp_name:ocean;owner:{who}",
            "SLURM_JOB_NAME": "run",
        }  # fmt: skip
        job = made_job(
            [
                record(path=f"/home/{user}/bin/cp", args=f"-r a /scratch/{user}/b"),
                record(pid=11, ppid=10, tags=f"op:cp;who:{who}"),
            ],
            jobid=jobid, job_pl_username=who, job_pl_env=environment, job_el_env=environment,
        )  # fmt: skip
        paths.append(write_job(job, directory / jobid))
    return paths


def person(site, *words, schemas=ACTIONS, **options):
    """Run usage_person on a Site; return the CompletedProcess."""
    return site.run("usage_person", *words, *schemas, **options)


def traces(site, name):
    """Return {(table, column): values} of all values in the database that have a name as a word."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    found = {}
    database = site.connect()
    try:
        for tool in schema.known_schemas().values():
            for kind, table in tool.tables():
                if kind != "TABLE" or not database.dialect.has_table(database, table):
                    continue
                for column, value in values_of(database, table):
                    if word.search(value):
                        found.setdefault((table, column), []).append(value)
    finally:
        database.close()
    return found


def values_of(database, table):
    """Yield (column, text) of all values of a table, what is packed unpacked."""
    cursor = database.connection.cursor()
    cursor.execute(f"SELECT * FROM {table}")
    columns = [one[0] for one in cursor.description]
    for row in cursor.fetchall():
        for column, value in zip(columns, row):
            if isinstance(value, (bytes, bytearray, memoryview)):
                raw = bytes(value)
                yield column, uncompressed(raw) or raw.decode("utf-8", "replace")
            elif isinstance(value, str):
                yield column, value


def counts(site):
    """Return {table: rows} of the tables with data."""
    database = site.connect()
    try:
        found = {}
        for tool in schema.known_schemas().values():
            for kind, table in tool.tables():
                if kind == "TABLE" and database.dialect.has_table(database, table):
                    found[table] = database.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
        return found
    finally:
        database.close()
