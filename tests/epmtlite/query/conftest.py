"""The jobs of the tests of epmtlite.query, in each database and in SQLite alone."""

import pytest

from tests.epmtlite.made_jobs import record
from tests.epmtlite.query.site import shifted, stored

PROCESSES = [
    record(pid=10, start=0, lasts=9000, tags="", exename="bash"),
    record(pid=11, ppid=10, start=100, lasts=1000, tags="op:cp;n:1"),
    record(pid=12, ppid=10, start=600, lasts=1000, tags="op:cp;n:2",
           threads=[(1, 2, 3, 4, 5, 6), (10, 20, 30, 40, 50, 60)]),
    record(pid=13, ppid=11, start=700, lasts=100, tags="op:cp;n:1", exename="cat"),
    record(pid=14, ppid=10, start=5000, lasts=500, tags="op:mv;n:1", exename="mv"),
]  # fmt: skip
ODD_TAGS = 'it\'s:"a";a.b:c.d;$[0]:x%_;\u00fc:\u65e5\u2028x;back\\slash:1'
JOBS = (
    shifted("3", 2, "exp_name:ocean;exp_component:ice;part:1", records=PROCESSES, lasts=60),
    shifted("1", 0, "exp_name:ocean", hosts=("n1", "n2"), job_pl_username="bob"),
    shifted("2", 1, "exp_name:ice", annotations={"checked_by": "ann", "grade": 5}),
    shifted("4", 3, "", hosts=("n3",)),
    shifted("5", 4, ODD_TAGS, hosts=("N1",)),
)


@pytest.fixture(name="filled")
def site_with_jobs(site, tmp_path):
    """A Site with JOBS on each database, which epmtlite.query asks."""
    with stored(site, tmp_path, JOBS):
        yield site


@pytest.fixture(name="sqlite_filled")
def sqlite_site_with_jobs(sqlite_site, tmp_path):
    """A Site with JOBS on SQLite, which epmtlite.query asks."""
    with stored(sqlite_site, tmp_path, JOBS):
        yield sqlite_site
