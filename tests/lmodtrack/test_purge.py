"""Deleting can be killed at any step: the next run ends the work."""

import datetime
import random
import signal
import subprocess
import sys

from tests.commit_points import AFTER, BEFORE
from tests.conftest import CHECKOUT
from tests.lmodtrack.logs import (
    START,
    log_of,
    make_loads,
    months_of,
    stored_months,
    stored_use,
    use_of,
)

LOADS = make_loads(2500, seed=41, days=75, users=30, modules=12)
KILLS = 12  # per database
NEVER = -1
LAST_DELETED = datetime.date(2026, 2, 20)

DRIVER = """
import sys
sys.path.insert(0, {checkout!r})
from lmodtrack import purge
from tests import commit_points
from usagedb import delete_old_records
purge.USERS_PER_STEP = 3
commit_points.arrange(commit_points.KILL, sys.argv.pop(1), sys.argv.pop(1))
delete_old_records.main()
"""


def delete(site, *arguments, when=AFTER, commit=NEVER):
    """Delete in small steps; with commit the process ends like kill -9 at its commit-th one."""
    end = LAST_DELETED + datetime.timedelta(days=1)
    return subprocess.run(
        [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT)), when, str(commit),
         "--confFn", site.conf_path, "--end", str(end), "--yes", "--quiet", "--wait", "60",
         *arguments],
        capture_output=True, check=False, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def assert_deletes(site, *arguments):
    """Make sure that a run that nothing ends goes well."""
    done = delete(site, *arguments)
    assert (done.returncode, done.stderr) == (0, "")


def day_of(load):
    return datetime.datetime.fromtimestamp(load.time, datetime.timezone.utc).date()


def cluster_of(load):
    return load.host.split(".")[1]


def fill(site, directory):
    log = directory / "moduleUsage.log-20260401"
    log.write_bytes(log_of(LOADS))
    done = site.create().run("store_module_data", "--store_all", log)
    assert (done.returncode, done.stderr) == (0, "")
    assert LOADS[0].time // 86400 * 86400 == START


def single_loads(site):
    return sorted(time for (time,) in site.rows("SELECT load_time FROM lmod_load"))


def test_kill_9_at_any_commit_leaves_one_month_to_count_again_and_the_next_run_ends_the_work(
    site, tmp_path
):
    fill(site, tmp_path)
    source = random.Random(43)
    for _kill in range(KILLS):
        done = delete(site, when=source.choice((BEFORE, AFTER)), commit=source.randint(2, 40))
        assert done.returncode == -signal.SIGKILL, done.stderr
        use = stored_use(site)
        months = months_of(use)
        stored = stored_months(site)
        # The month that was being deleted may be counted too high until the next run.
        touched = {key for key in stored if stored[key] != months.get(key)}
        assert len({month for month, _path, _cluster in touched}) <= 1
    assert_deletes(site)
    kept = [load for load in LOADS if day_of(load) > LAST_DELETED]
    assert stored_use(site) == use_of(kept)
    assert stored_months(site) == months_of(use_of(kept))
    assert single_loads(site) == sorted(load.time for load in kept)


def test_one_cluster_is_deleted_and_the_others_stay(site, tmp_path):
    fill(site, tmp_path)
    assert_deletes(site, "--syshost", "cluster1")
    kept = [load for load in LOADS if day_of(load) > LAST_DELETED or cluster_of(load) != "cluster1"]
    assert stored_use(site) == use_of(kept)
    assert stored_months(site) == months_of(use_of(kept))
    assert single_loads(site) == sorted(load.time for load in kept)
