"""The made-up month: nothing happens that could not happen on a real cluster."""

import collections

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.userportal.demo.recorded import NOW, QUICK, made
from userportal.demo import behaviours
from userportal.demo.cluster import make_cluster
from userportal.demo.jobs import DOWN, DRAINED
from userportal.demo.schedule import make_schedule
from userportal.demo.sizes import DAY_SECONDS, SMALL, Sizes

SEEDS = st.integers(0, 10_000)
ENDED = set(range(behaviours.COMPLETED, behaviours.OUT_OF_MEMORY + 1))


def schedule_of(seed):
    cluster = make_cluster(SMALL, seed)
    return cluster, make_schedule(cluster, SMALL, NOW, seed)


def described(schedule):
    jobs = [
        (job.job_id, job.request, job.submit, job.start, job.end, job.state, job.places)
        for job in schedule.jobs
    ]
    return jobs, schedule.events


def test_the_same_seed_and_moment_make_the_same_schedule():
    cluster = make_cluster(SMALL, 3)
    first, second = (make_schedule(cluster, SMALL, NOW, 3) for _time in range(2))
    assert described(first) == described(second)
    assert described(make_schedule(cluster, SMALL, NOW, 4)) != described(first)


@given(SEEDS)
@settings(max_examples=25)
def test_no_core_and_no_gpu_is_ever_given_to_two_jobs(seed):
    _cluster, schedule = schedule_of(seed)
    held = collections.defaultdict(list)
    for job in schedule.jobs:
        for place in job.places:
            for core in place.cores:
                held[place.node.name, "core", core].append((job.start, job.end or NOW + 1))
            for gpu in place.gpus:
                held[place.node.name, "gpu", gpu].append((job.start, job.end or NOW + 1))
    for times in held.values():
        times.sort()
        assert all(early[1] <= late[0] for early, late in zip(times, times[1:]))


@given(SEEDS)
@settings(max_examples=25)
def test_no_node_gives_more_than_it_has(seed):
    cluster, schedule = schedule_of(seed)
    changes = collections.defaultdict(list)
    for job in schedule.jobs:
        for place in job.places:
            assert set(place.cores) <= set(range(place.node.cores))
            assert set(place.gpus) <= set(range(place.node.gpu_count))
            memory = job.request.memory_mib
            changes[place.node.name] += [(job.start, 1, memory), (job.end or NOW, 0, -memory)]
    for node in cluster.nodes:
        used = 0
        for _at, _kind, memory in sorted(changes[node.name]):
            used += memory
            assert used <= node.memory_mib


@given(SEEDS)
@settings(max_examples=25)
def test_jobs_are_submitted_then_eligible_then_started_then_ended(seed):
    _cluster, schedule = schedule_of(seed)
    for job in schedule.jobs:
        assert schedule.start <= job.submit <= NOW
        assert job.submit <= job.eligible
        if job.start:
            assert job.eligible <= job.start <= NOW
            assert len(job.places) == job.request.node_count
            assert len(set(job.node_names)) == len(job.places)
        if job.end:
            assert job.submit <= job.end <= NOW
            assert job.start <= job.end
            assert job.state in ENDED


@given(SEEDS)
@settings(max_examples=25)
def test_what_has_not_ended_waits_or_runs(seed):
    _cluster, schedule = schedule_of(seed)
    for job in schedule.jobs:
        if not job.end:
            running = (behaviours.RUNNING, behaviours.SUSPENDED)
            assert job.state in running if job.start else job.state == behaviours.PENDING
            assert bool(job.places) == bool(job.start)


@given(SEEDS)
@settings(max_examples=25)
def test_no_job_begins_on_a_node_that_is_down_or_drained_and_none_survives_that_it_goes_down(seed):
    _cluster, schedule = schedule_of(seed)
    for event in schedule.events:
        until = event.end or NOW + 1
        for job in schedule.jobs:
            if event.node in job.node_names:
                assert not event.start < job.start < until
                if event.state == DOWN and job.start < event.start:
                    assert job.end and job.end <= event.start


@given(SEEDS)
@settings(max_examples=25)
def test_a_job_waits_for_the_one_that_it_depends_on(seed):
    _cluster, schedule = schedule_of(seed)
    by_number = collections.defaultdict(list)
    for job in schedule.jobs:
        by_number[job.request.number].append(job)
    for job in schedule.jobs:
        if job.request.after is not None and job.start:
            assert all(one.end and one.end <= job.start for one in by_number[job.request.after])


@given(SEEDS)
@settings(max_examples=25)
def test_ids_are_unique_but_for_requeued_jobs_which_have_another_submission(seed):
    _cluster, schedule = schedule_of(seed)
    assert len({(job.job_id, job.submit) for job in schedule.jobs}) == len(schedule.jobs)
    tries = collections.defaultdict(list)
    for job in schedule.jobs:
        tries[job.job_id].append(job)
    for jobs in tries.values():
        assert len({job.request.number for job in jobs}) == 1
        assert all(job.state == behaviours.NODE_FAIL for job in jobs[:-1])


def test_every_state_of_slurm_is_there():
    _cluster, schedule = made(Sizes())
    assert {job.state for job in schedule.jobs} == set(range(12))


def test_every_sort_of_job_is_there_and_the_user_of_the_demo_had_one_of_each():
    cluster, schedule = made(Sizes())
    own = {
        job.request.behaviour.name
        for job in schedule.jobs
        if job.request.user == cluster.users[1].name
    }
    assert own == set(behaviours.BEHAVIOURS)


def test_a_requeued_job_has_two_rows_with_one_id():
    _cluster, schedule = made(Sizes())
    ids = collections.Counter(job.job_id for job in schedule.jobs)
    twice = [job for job in schedule.jobs if ids[job.job_id] == 2]
    assert twice
    assert {job.request.behaviour.name for job in twice} == {"requeued"}


def test_the_month_is_a_month_of_a_cluster_that_is_well_used():
    cluster, schedule = made(Sizes())
    used = sum(
        job.core_count * ((job.end or NOW) - job.start) for job in schedule.jobs if job.start
    )
    cores = sum(node.cores for node in cluster.nodes)
    assert 0.3 < used / (cores * 30 * DAY_SECONDS) < 0.9
    assert min(job.submit for job in schedule.jobs) < NOW - 29 * DAY_SECONDS


def test_nodes_are_down_and_drained_now():
    _cluster, schedule = made()
    assert {event.state for event in schedule.events if not event.end} == {DOWN, DRAINED}


def test_tasks_of_an_array_have_ids_and_indexes_of_their_own():
    _cluster, schedule = made()
    arrays = collections.defaultdict(list)
    for job in schedule.jobs:
        if job.array_job_id:
            arrays[job.array_job_id].append(job)
    assert arrays
    for head, jobs in arrays.items():
        assert sorted(job.request.task for job in jobs) == list(range(len(jobs)))
        last = max(jobs, key=lambda job: job.request.task)
        assert last.job_id == head


def test_an_array_never_runs_more_tasks_at_once_than_its_limit():
    _cluster, schedule = made(Sizes())
    limited = [job for job in schedule.jobs if job.request.array_limit]
    running = [job for job in limited if job.start and not job.end]
    assert 0 < len(running) <= limited[0].request.array_limit
    assert any(not job.start for job in limited)


def test_the_quick_size_has_as_many_days_as_it_says():
    _cluster, schedule = made(QUICK)
    assert schedule.now - schedule.start == QUICK.days * DAY_SECONDS
