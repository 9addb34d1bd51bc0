"""The made-up jobs as slurmdbd has them, in each database."""

import collections

import pytest

from tests.userportal.demo.recorded import NOW, made
from userportal.demo import behaviours, scripts, slurmdata
from userportal.demo.cluster import NAME
from userportal.demo.jobs import NO_VALUE
from userportal.demo.slurmdata import write_slurm
from userportal.slurm.database import SlurmDatabase
from userportal.slurm.script import modules


@pytest.fixture
def slurm(site):
    database = site.connect()
    write_slurm(database, *made())
    yield SlurmDatabase(database, NAME)
    database.close()


@pytest.fixture
def embedded(sqlite_site):
    database = sqlite_site.connect()
    write_slurm(database, *made())
    yield SlurmDatabase(database, NAME)
    database.close()


def started(jobs):
    return [job for job in jobs if job.start]


def test_a_job_comes_back_from_every_database_as_it_was_made(slurm):
    cluster, schedule = made()
    job = next(one for one in reversed(schedule.jobs) if one.gpu_count and one.end)
    found = slurm.job(job.job_id)
    assert found.name == job.request.name
    assert found.user_id == cluster.user(job.request.user).uid
    assert (found.submit, found.start, found.end) == (job.submit, job.start, job.end)
    assert (found.state, found.cores) == (job.state, job.core_count)
    assert found.memory_bytes == job.request.memory_mib * 2**20 * job.request.node_count
    assert sum(found.gpus.values()) == job.gpu_count
    assert list(found.nodes) == job.node_names
    assert slurm.script(found) == scripts.script_of(job.request)


def test_every_job_has_one_row_but_for_the_waiting_tasks_of_an_array(embedded):
    _cluster, schedule = made()
    waiting = [job for job in schedule.jobs if slurmdata.is_waiting_task(job)]
    heads = {job.array_job_id for job in waiting}
    ((count,),) = embedded.database.rows("SELECT count(*) FROM demo_job_table")
    assert count == len(schedule.jobs) - len(waiting) + len(heads)
    rows = embedded.database.rows(
        "SELECT id_job, id_array_job, array_task_pending, array_task_str FROM demo_job_table"
        " WHERE id_array_task = ? AND id_array_job <> 0",
        (NO_VALUE,),
    )
    assert {row[0] for row in rows} == heads
    for job_id, array_id, pending, text in rows:
        tasks = [job.request.task for job in waiting if job.array_job_id == job_id]
        assert (array_id, pending) == (job_id, len(tasks))
        assert text.startswith(str(min(tasks)))


def test_what_waits_has_no_nodes_and_what_never_ran_has_no_start(embedded):
    rows = embedded.database.rows(
        "SELECT state, time_start, time_end, nodelist, nodes_alloc, tres_alloc FROM demo_job_table"
    )
    for state, start, end, nodes, count, tres in rows:
        has_run = start > 0
        assert (nodes != "None assigned") == (count > 0) == bool(tres) == has_run
        if state == behaviours.PENDING:
            assert not has_run and not end
        assert end <= NOW


def test_a_job_is_associated_with_its_account_and_user(embedded):
    rows = embedded.database.rows(
        "SELECT j.account, a.acct, j.id_user, a.user FROM demo_job_table j"
        " JOIN demo_assoc_table a ON a.id_assoc = j.id_assoc"
    )
    uids = {user.uid: user.name for user in made()[0].users}
    assert len(rows) > 20
    assert all(row[0] == row[1] and uids[row[2]] == row[3] for row in rows)


def test_the_portal_finds_the_events_of_nodes(embedded):
    _cluster, schedule = made()
    event = next(one for one in schedule.events if not one.end)
    found = embedded.events([event.node], NOW - 86400, NOW)
    assert event.reason in {one.reason for one in found}


def test_the_portal_finds_what_a_waiting_job_depends_on(embedded):
    _cluster, schedule = made()
    job = next(one for one in schedule.jobs if one.request.after is not None and not one.start)
    before = next(one for one in schedule.jobs if one.request.number == job.request.after)
    assert f"--dependency=afterany:{before.job_id}" in embedded.job(job.job_id).submit_line
    dependents = embedded.dependents(embedded.job(before.job_id))
    assert job.job_id in {getattr(one, "job_id", one) for one in dependents}


def test_accounts_of_groups_are_there(embedded):
    cluster, _schedule = made()
    names = set(cluster.accounts())
    assert names <= {getattr(one, "name", one) for one in embedded.accounts()}
    assert all(embedded.account_exists(name) for name in names)


def test_every_script_loads_modules_and_some_have_what_the_rules_find():
    texts = [scripts.script_of(job.request) for job in made()[1].jobs]
    assert all(modules(text) for text in texts)
    all_lines = collections.Counter(line.strip() for text in texts for line in text.splitlines())
    assert any(line.startswith("sleep ") for line in all_lines)
    assert "conda activate work" in all_lines
    assert any("gmx mdrun -nt 4" in line for line in all_lines)


@pytest.mark.parametrize(
    "tasks, limit, text",
    [([3], 0, "3"), ([3, 4, 5, 11], 4, "3-5,11%4"), ([0, 2], 0, "0,2")],
)
def test_tasks_are_written_as_slurm_does(tasks, limit, text):
    assert slurmdata.task_text(tasks, limit) == text
