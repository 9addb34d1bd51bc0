"""Single jobs are found with all that slurmdbd knows of them, on every database."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.userportal.slurm import made
from tests.userportal.slurm.made import ANN, BOB, NOON, add, job_row, pending, running
from usagedb.errors import ConfigurationError
from userportal.slurm import rows, stored
from userportal.slurm.database import SlurmDatabase
from userportal.slurm.dependencies import Dependency
from userportal.slurm.model import Job, RunningTotals
from userportal.slurm.stored import ExitStatus

MEGABYTE = 1 << 20
PER_CPU = 1 << 63


def test_a_finished_job_has_all_its_values(store):
    add(store, job_row(7, state=5, exit_code=768, id_qos=3))
    job = store.job(7)
    assert (job.job_id, job.name, job.account, job.user_id) == (7, "job7", "def-ann", ANN)
    assert (job.state_name, job.state_label, job.badge.text) == ("FAILED", "Failed", "Failed")
    assert (job.submit, job.start, job.end) == (NOON + 7, NOON + 67, NOON + 3667)
    assert (job.nodes, job.node_count, job.cores) == (["vc01", "vc02"], 2, 8)
    assert (job.memory_bytes, job.gpus, job.gpu_count, job.gpu_model) == (
        8000 * MEGABYTE, {}, 0, None,
    )  # fmt: skip
    assert (job.exit_status, job.exit_code) == (ExitStatus(3, 0), 3)
    assert (job.array_job_id, job.array_task_id, job.display_id) == (None, None, "7")
    assert (job.time_limit_minutes, job.is_unlimited, job.qos_id) == (120, False, 3)
    assert (job.elapsed_seconds(0), job.queue_seconds(0), job.progress(0)) == (3600, 60, 1.0)
    assert (job.is_pending, job.is_running, job.is_finished) == (False, False, True)
    assert job.energy_joules is None


def test_a_running_job_grows_with_the_clock(store):
    add(store, job_row(7, **running()))
    job = store.job(7)
    assert job.end is None
    assert job.exit_status is None
    assert job.is_running
    assert job.elapsed_seconds(NOON + 67 + 1800) == 1800
    assert job.progress(NOON + 67 + 1800) == 0.25
    assert job.progress(NOON + 999999) == 1.0
    assert job.elapsed_seconds(NOON) == 0


def test_a_pending_job_has_what_it_asked_for(store):
    requested = "1=4,2=2000,4=1,1001=2,1002=2"
    add(store, job_row(7, **pending(tres_req=requested, timelimit=4294967294)))
    job = store.job(7)
    assert job.is_pending
    assert (job.start, job.end, job.nodes) == (None, None, [])
    assert (job.cores, job.memory_bytes, job.gpus) == (4, 2000 * MEGABYTE, {"a100": 2})
    assert (job.time_limit_minutes, job.is_unlimited) == (None, False)
    assert (job.elapsed_seconds(NOON + 100), job.queue_seconds(NOON + 100)) == (0, 93)
    assert job.progress(NOON) == 0.0


def test_allocated_resources_win_over_requested_ones(store):
    add(store, job_row(7, tres_alloc="1=64,2=9000,4=1,1001=4,1003=3", tres_req="1=1,2=100"))
    job = store.job(7)
    assert (job.cores, job.requested_cores) == (64, 1)
    assert (job.memory_bytes, job.requested_memory_bytes) == (9000 * MEGABYTE, 100 * MEGABYTE)
    assert (job.gpus, job.gpu_count, job.gpu_model) == ({"h100": 3, "gpu": 1}, 4, "h100")


@pytest.mark.parametrize(
    ("mem_req", "megabytes"), [(PER_CPU + 500, 4000), (500, 1000), (0, None), (PER_CPU, None)]
)
def test_memory_without_tres_is_per_core_or_per_node(store, mem_req, megabytes):
    add(store, job_row(7, tres_req="", tres_alloc="", mem_req=mem_req, cpus_req=8, nodes_alloc=2))
    expected = None if megabytes is None else megabytes * MEGABYTE
    assert store.job(7).memory_bytes == expected
    assert store.job(7).cores == 8


def test_an_unlimited_job_is_so_and_has_no_progress(store):
    add(store, job_row(7, **running(timelimit=4294967295)))
    job = store.job(7)
    assert (job.time_limit_minutes, job.is_unlimited, job.progress(NOON + 999)) == (None, True, 0)


def test_suspended_time_does_not_count(store):
    add(store, job_row(1, time_suspended=600), job_row(2, **running(state=2, time_suspended=0)))
    assert store.job(1).elapsed_seconds(0) == 3000
    still = dataclasses.replace(store.job(2), suspended=NOON + 62 + 100)
    assert still.elapsed_seconds(NOON + 99999) == 100


def test_the_newest_submission_of_a_requeued_job_is_the_job(store):
    add(
        store,
        job_row(7, state=0x400, time_submit=NOON, time_end=NOON + 100),
        job_row(7, time_submit=NOON + 200, **pending()),
    )
    found = store.job_rows(7)
    assert [one.state_name for one in found] == ["PENDING", "REQUEUED"]
    assert [one.is_finished for one in found] == [False, True]
    assert store.job(7) == found[0]
    assert store.jobs([7]) == [found[0]]


def test_a_number_that_two_users_had_is_told_apart(store):
    add(store, job_row(7, time_submit=NOON), job_row(7, time_submit=NOON + 9, id_user=BOB))
    assert store.job(7).user_id == BOB
    assert store.job(7, ANN).user_id == ANN
    assert [one.user_id for one in store.job_rows(7, ANN)] == [ANN]
    assert [one.user_id for one in store.jobs([7], ANN)] == [ANN]
    assert store.job(7, 4242) is None


def test_no_job_is_none(store):
    assert store.job(7) is None
    assert store.job_rows(7) == store.jobs([7, 8]) == store.jobs([]) == []


def test_jobs_come_in_the_order_asked_for_and_once(store):
    add(store, *map(job_row, (1, 2, 3)))
    assert [job.job_id for job in store.jobs([3, 99, 1, 3])] == [3, 1]


def test_more_jobs_than_one_statement_takes_are_found(store):
    add(store, *map(job_row, (1, 600, 990)))
    assert [job.job_id for job in store.jobs(range(1, 1001))] == [1, 600, 990]


def null_row():
    nullable = ("account", "nodelist", "submit_line", "array_task_str")
    return job_row(7, **dict.fromkeys(nullable), tres_req="", tres_alloc="", work_dir="")


def test_null_columns_are_empty(store):
    add(store, null_row())
    job = store.job(7)
    assert (job.account, job.nodes, job.submit_line, job.cores) == ("", [], "", 8)
    assert store.prerequisites(job) == store.dependents(job) == []


@given(st.lists(st.none() | st.integers() | st.text(), min_size=37, max_size=37))
def test_a_row_of_anything_is_a_job(values):
    job = rows.job_of(values, {})
    assert job.nodes is not None
    assert job.elapsed_seconds(NOON) >= 0
    assert job.progress(NOON) >= 0
    assert job.state_name


@given(st.lists(st.none() | st.integers() | st.text(), min_size=15, max_size=15))
def test_a_row_of_anything_is_a_step(values):
    assert rows.step_of(values).cpu_seconds >= 0


def array_of(store):
    array = {"id_array_job": 20}
    add(
        store,
        job_row(22, id_array_task=1, **array, **running()),
        job_row(21, id_array_task=0, time_submit=NOON, state=0x400, **array),
        job_row(21, id_array_task=0, time_submit=NOON + 50, **array),
        job_row(20, **array, **pending(array_task_str="0x3FC", array_task_pending=8),
                array_max_tasks=2),
        job_row(30, id_array_job=0),
        job_row(40, id_array_job=20, id_array_task=9, id_user=BOB),
    )  # fmt: skip


def test_an_array_has_its_tasks_in_order_and_those_that_wait(store):
    array_of(store)
    found = store.array_tasks(20, store.task(20, 0))
    assert [(job.job_id, job.array_task_id) for job in found.jobs] == [(21, 0), (22, 1), (20, None)]
    assert [job.display_id for job in found.jobs] == ["20_0", "20_1", "20"]
    assert (found.total, found.pending, found.pending_tasks) == (3, 8, list(range(2, 10)))
    assert found.jobs[2].array_most_running == 2
    assert len(store.array_tasks(20).jobs) == 4
    assert len(store.array_tasks(20, store.task(20, 0), limit=2).jobs) < 3


def test_a_task_is_found_by_array_and_number(store):
    array_of(store)
    assert store.task(20, 0).submit == NOON + 50
    assert store.task(20, 9, store.task(20, 0)) is None
    assert store.task(20, 5) is None


def test_several_tasks_are_found_and_the_row_of_those_that_wait(store):
    array_of(store)

    def found(*task_ids):
        return [(job.job_id, job.submit) for job in store.tasks(20, task_ids)]

    begun, waiting = [(22, NOON + 22), (21, NOON + 50)], [(20, NOON + 20)]
    assert found(1, 0, 1) == begun
    assert found(1, 2, 0, 3) == begun + waiting
    assert found(9) == [(40, NOON + 40)]
    assert found(77) == store.tasks(30, [0]) == store.tasks(99, [0]) == []
    assert found(*range(5000)) == [(21, NOON + 50), (22, NOON + 22), (40, NOON + 40), *waiting]


def test_a_row_of_an_array_that_waits_no_longer_stands_for_no_task(store):
    add(store, job_row(20, id_array_job=20, state=4, array_task_str="1-3", array_task_pending=3))
    assert store.tasks(20, [1, 2]) == []


def test_an_array_that_is_not_there_has_no_tasks(store):
    found = store.array_tasks(20)
    assert (found.jobs, found.total, found.pending, found.pending_tasks) == ([], 0, 0, [])


def test_the_running_jobs_of_a_user_are_added_up(store):
    add(
        store,
        job_row(1, **running(tres_alloc="1=4,2=1000,1001=2,1002=2")),
        job_row(2, **running(tres_alloc="1=2,2=500,1001=1,1003=1")),
        job_row(3, **running(tres_alloc="", tres_req="", mem_req=PER_CPU + 10, cpus_req=3)),
        job_row(4, **running(state=2)),
        job_row(5),
        job_row(6, **pending()),
        job_row(8, **running(id_user=BOB)),
    )
    assert store.running_totals(ANN) == RunningTotals(
        3, 9, 1530 * MEGABYTE, {"a100": 2, "h100": 1}, (1, 2, 3)
    )
    assert store.running_totals(4242) == RunningTotals(0, 0, 0, {})
    assert store.running_totals(ANN).gpu_count == 3


def test_a_job_knows_what_it_waits_for(store):
    array_of(store)
    line = "sbatch -d afterok:30:99,afterany:20_1,singleton run.sh"
    add(store, job_row(50, submit_line=line), job_row(99, id_user=BOB))
    found = store.prerequisites(store.job(50))
    assert [(one.dependency, one.job and one.job.job_id) for one in found] == [
        (Dependency("afterok", 30), 30),
        (Dependency("afterok", 99), None),
        (Dependency("afterany", 20, task_id=1), 22),
        (Dependency("singleton"), None),
    ]


def test_a_job_knows_who_waits_for_it(store):
    day = 86400

    def waiting(number, line, **values):
        return job_row(number, submit_line=line, **values)

    add(
        store,
        job_row(12, time_submit=NOON),
        waiting(13, "sbatch -dafterok:12 x"),
        waiting(14, "sbatch --dependency=afterok:1:12,after:3 x"),
        waiting(15, "sbatch -d afterok:120 x"),
        waiting(16, "sbatch job12.sh"),
        waiting(17, "sbatch x -d afterok:12"),
        waiting(18, "sbatch -d afterok:12 x", id_user=BOB),
        waiting(19, "sbatch -d afterok:12 x", time_submit=NOON - 5),
        waiting(20, "sbatch -d afterok:12 x", time_submit=NOON + 2 * day),
        waiting(21, None),
    )
    assert [job.job_id for job in store.dependents(store.job(12))] == [13, 14]
    assert [job.job_id for job in store.dependents(store.job(12), limit=1)] == [13]


def test_a_job_knows_the_first_of_very_many_that_wait_for_it(store):
    line = "sbatch -d afterok:12 x".ljust(60_000)
    add(store, job_row(12), *(job_row(number, submit_line=line) for number in range(13, 20)))
    add(store, job_row(13, submit_line=line, time_submit=NOON + 999, **pending()))
    found = store.dependents(store.job(12), limit=3)
    assert [(job.job_id, job.is_pending) for job in found] == [(13, True), (14, False), (15, False)]


def test_control_characters_of_a_job_s_texts_are_shown(store):
    text = stored.as_stored("a\u202eb\x1b\x07")
    texts = dict.fromkeys(("job_name", "work_dir", "partition", "nodelist"), text)
    add(store, job_row(7, submit_line="sbatch -d\nafterok:3\t\x1bx", **texts), job_row(3))
    job = store.job(7)
    assert {job.name, job.work_dir, job.partition, job.node_list} == {r"a\u202eb\x1b\x07"}
    assert job.submit_line == "sbatch -d\nafterok:3\t\\x1bx"
    assert [one.job.job_id for one in store.prerequisites(job)] == [3]


def test_a_moment_beyond_the_calendar_is_unknown(store):
    add(store, job_row(7, time_end=1 << 40, time_start=1 << 50))
    assert (store.job(7).start, store.job(7).end) == (None, None)


def test_a_requeued_job_keeps_those_that_wait_for_it(store):
    add(
        store,
        job_row(12, state=0x400, time_submit=NOON, time_end=NOON + 5),
        job_row(13, submit_line="sbatch -d afterok:12 x", time_submit=NOON + 3),
        job_row(12, time_submit=NOON + 50, **running()),
    )
    assert [job.job_id for job in store.dependents(store.job(12))] == [13]


def test_a_task_has_those_that_wait_for_its_array(store):
    array_of(store)
    add(
        store,
        job_row(51, submit_line="sbatch -d afterok:20 x"),
        job_row(52, submit_line="sbatch -d afterok:20_1 x"),
        job_row(53, submit_line="sbatch -d afterok:20_0 x"),
    )
    assert [job.job_id for job in store.dependents(store.task(20, 1))] == [51, 52]


def scripts(store, *texts):
    add(
        store,
        *({"script_hash": str(number), "batch_script": text} for number, text in enumerate(texts)),
        table="job_script_table",
    )


def test_the_script_is_that_of_the_job(store):
    scripts(store, "#!/bin/bash\none\n", "#!/bin/bash\ntwo\n")
    add(store, job_row(1, script_hash_inx=2), job_row(2), job_row(3, script_hash_inx=99))
    assert store.script(store.job(1)) == "#!/bin/bash\ntwo\n"
    assert store.script(store.job(2)) is None
    assert store.script(store.job(3)) is None


def test_a_task_has_the_script_of_its_array(store):
    scripts(store, "#!/bin/bash\none\n", None)
    add(
        store,
        job_row(20, id_array_job=20, script_hash_inx=1),
        job_row(21, id_array_job=20, id_array_task=0),
        job_row(22, script_hash_inx=2),
    )
    assert store.script(store.job(21)) == "#!/bin/bash\none\n"
    assert store.script(store.job(22)) is None


def test_a_job_has_nothing_of_who_had_both_numbers_before(store):
    """Number 20 was an array of bob, who left, and is one of ann, who got his uid."""
    scripts(store, "#!/bin/bash\nof bob\n")
    line = {"submit_line": "sbatch -d afterok:30:20_1 x"}
    old = {"id_array_job": 20, "id_assoc": 4, "time_submit": NOON, "script_hash_inx": 1}
    new = {"id_array_job": 20, "id_assoc": 3, "time_submit": NOON + 500}
    add(
        store,
        job_row(20, array_task_pending=5, array_task_str="1-5", **old),
        job_row(21, id_array_task=1, **old),
        job_row(20, id_array_task=2, **new),
        job_row(22, id_array_task=3, **{**new, **line}),
        job_row(30, id_assoc=4),
        job_row(31, id_assoc=4, time_submit=NOON + 501, submit_line="sbatch -d afterok:20 x"),
        job_row(32, id_assoc=3, time_submit=NOON + 501, submit_line="sbatch -d afterok:20 x"),
    )
    job, task = store.job(20), store.job(22)
    assert [one.submit for one in store.submissions(job)] == [NOON + 500]
    assert [one.job_id for one in store.array_tasks(20, job).jobs] == [20, 22]
    assert store.script(job) is store.script(task) is None
    assert [one.job for one in store.prerequisites(task)] == [None, None]
    assert [one.job_id for one in store.dependents(job)] == [32]
    assert store.script(store.job(21)) == "#!/bin/bash\nof bob\n"
    assert [one.job_id for one in store.dependents(store.job(21))] == [31]


def test_steps_have_their_times_and_energy(store):
    add(store, job_row(1))
    job = store.job(1)
    step = {
        "job_db_inx": job.db_index, "state": 3, "time_start": NOON, "time_end": NOON + 9,
        "nodes_alloc": 2, "task_cnt": 4, "user_sec": 5, "user_usec": 250000, "sys_sec": 1,
        "sys_usec": 250000, "tres_usage_in_max": "2=1000,6=5", "tres_usage_in_tot": "2=3000,6=7",
        "tres_usage_out_tot": "6=8", "nodelist": "vc[01-02]",
    }  # fmt: skip
    add(
        store,
        {**step, "id_step": -5, "step_name": "batch", "consumed_energy": 70},
        {**step, "id_step": 0, "step_name": "a", "consumed_energy": 50, "time_start": NOON + 1},
        {**step, "id_step": 1, "step_name": "b", "consumed_energy": 30, "time_start": NOON + 2},
        table="step_table",
    )
    found = store.steps(job)
    assert [(one.step_id, one.name, one.energy_joules) for one in found] == [
        (-5, "batch", 70), (0, "a", 50), (1, "b", 30),
    ]  # fmt: skip
    assert (found[0].cpu_seconds, found[0].tasks, found[0].nodes) == (6.5, 4, 2)
    assert (found[0].most_memory_bytes, found[0].total_memory_bytes) == (1000, 3000)
    assert (found[0].read_bytes, found[0].written_bytes) == (7, 8)
    assert store.energy_joules(job) == 80


def test_energy_of_the_job_itself_comes_first_and_none_is_none(store):
    add(store, job_row(1, tres_alloc="1=8,3=1234"), job_row(2))
    assert store.energy_joules(store.job(1)) == 1234
    assert store.energy_joules(store.job(2)) is None


@pytest.mark.parametrize("missing", ["job_script_table", "step_table", "tres_table", "event_table"])
def test_a_table_that_is_not_there_costs_only_what_is_in_it(database, missing):
    store = made.make(database, leave_out=(missing,))
    add(store, job_row(1, script_hash_inx=1, tres_alloc="1=8,1001=2"))
    job = store.job(1)
    assert (store.script(job), store.steps(job), store.energy_joules(job)) == (None, [], None)
    assert store.job_events(job, NOON) == []
    assert job.gpus == {"gpu": 2}


def test_an_older_slurm_without_some_columns_is_read(database):
    store = made.make(database)
    quote = database.dialect.quote
    table = quote("vela_job_table")
    for index in ("script_hash_inx",):
        name = index if database.config.backend == "mysql" else f"vela_job_table_{index}"
        where = f" ON {table}" if database.config.backend == "mysql" else ""
        database.run_ddl(f"DROP INDEX {quote(name)}{where}")
    for column in ("script_hash_inx", "submit_line", "container"):
        database.run_ddl(f"ALTER TABLE {table} DROP COLUMN {quote(column)}")
    row = {key: value for key, value in job_row(1).items()
           if key not in ("script_hash_inx", "submit_line")}  # fmt: skip
    add(store, row)
    job = store.job(1)
    assert (job.name, job.submit_line, job.container) == ("job1", "", "")
    assert (store.script(job), store.dependents(job), store.prerequisites(job)) == (None, [], [])


def test_another_cluster_is_a_matter_of_configuration(store):
    other = SlurmDatabase(store.database, "crux")
    with pytest.raises(ConfigurationError, match="crux_job_table"):
        other.job(1)


def test_nothing_is_written(store):
    add(store, job_row(1))
    before = store.ask("SELECT * FROM {job_table}")
    job = store.job(1)
    store.script(job), store.dependents(job), store.array_tasks(1), store.running_totals(ANN)
    assert store.ask("SELECT * FROM {job_table}") == before


def test_a_job_can_be_made_of_its_number_alone():
    assert Job(5).display_id == "5"
    assert Job(5).elapsed_seconds(NOON) == 0
