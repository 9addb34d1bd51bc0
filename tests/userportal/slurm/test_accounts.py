"""Accounts and users are found by exactly their names."""

import pytest

from tests.userportal.slurm.made import ANN, BOB, add, job_row, running
from userportal.slurm.model import Account, JobFilter


def test_accounts_and_users_that_are_not_deleted_are_listed(store):
    assert store.accounts() == ["def-ann", "def-bob", "root"]
    assert store.users() == ["ann", "bob"]


def test_an_account_has_its_users_and_a_user_the_accounts(store):
    assert store.users_of_account("def-ann") == ["ann", "bob"]
    assert store.users_of_account("gone") == store.users_of_account("nosuch") == []
    assert store.accounts_of_user("bob") == ["def-ann", "def-bob"]
    assert store.accounts_of_user("cy") == []


@pytest.mark.parametrize("name", ["DEF-ANN", "def-ann ", "déf-ann", "gone", "", "\0", "d%", "'"])
def test_only_exactly_the_account_exists(store, name):
    assert not store.account_exists(name)
    assert store.users_of_account(name) == []


def test_an_account_exists(store):
    assert store.account_exists("def-ann")


def test_accounts_are_found_by_a_part_of_their_name(store):
    assert [one.name for one in store.find_accounts("DEF")] == ["def-ann", "def-bob"]
    assert store.find_accounts("bob") == [Account("def-bob", "Bob_s 100%", "moons")]
    assert store.find_accounts(" ") == store.find_accounts("%") == store.find_accounts("_") == []
    assert [one.name for one in store.find_accounts("def", 1)] == ["def-ann"]
    assert store.find_accounts("gone") == []


def test_a_user_has_the_number_of_the_newest_job(store):
    add(
        store,
        job_row(1, id_user=900),
        job_row(2, id_user=ANN),
        job_row(3, id_user=BOB, id_assoc=5),
    )
    assert store.user_id("ann") == ANN
    assert store.user_id("bob") == BOB
    assert store.user_id("nosuch") is store.user_id("ANN") is store.user_id("") is None


def test_jobs_of_who_had_the_number_before_are_nobody_else_s(store):
    """Of bob, who left, and whose number ann got; association 0 and 1 name nobody.

    Slurm does not know zoe: she has none yet, or is called otherwise there; then also as.
    """
    add(
        store,
        *(job_row(number, id_assoc=number, id_user=ANN) for number in (0, 1, 3, 4, 5, 7)),
    )
    for usernames, left in (
        (("", "ann"), [0, 1, 3, 7]),
        (("ANN", ""), [0, 1, 3, 7]),
        (("", "bob"), [0, 1, 4, 5]),
        (("", "zoe"), [0, 1]),
        (("", "zoe", "bob"), [0, 1, 4, 5]),
        (("bob",), [4, 5]),
        (("zoe",), []),
    ):
        jobs = store.without_others(store.jobs(range(10), ANN), usernames)
        assert [job.job_id for job in jobs] == left
        page = store.page(JobFilter(user_id=ANN, usernames=usernames), "job_id")
        assert ([job.job_id for job in page.jobs], page.total) == (left, len(left))
    assert store.page(JobFilter(user_id=ANN)).total == 6


def test_running_jobs_of_who_had_the_number_before_are_not_added_up(store):
    rows = [job_row(number, id_assoc=number, id_user=ANN, **running()) for number in (0, 3, 5)]
    add(store, *rows)
    assert store.running_totals(ANN, ("", "ann")).job_ids == (0, 3)
    assert store.running_totals(ANN, ("", "zoe")).job_ids == (0,)
    assert store.running_totals(ANN).job_ids == (0, 3, 5)


def test_jobs_are_found_by_the_name_that_slurm_has_whatever_the_number(store):
    add(store, job_row(1, id_assoc=5, id_user=ANN), job_row(2, id_assoc=3, id_user=ANN))
    add(store, job_row(3, id_assoc=4, id_user=BOB), job_row(3, id_assoc=5, time_submit=1))
    found = store.jobs_of_name([3, 2, 1, 1, 9], "bob")
    assert [(job.job_id, job.association_id) for job in found] == [(3, 4), (1, 5)]
    assert store.jobs_of_name([1, 2, 3], "BOB") == store.jobs_of_name([1], "nosuch") == []
    assert store.users_of_number(ANN) == ["ann", "bob"]
    assert store.users_of_number(4242) == []


def test_qualities_of_service_have_names(store):
    add(store, {"id": 1, "name": "normal"}, {"id": 5, "name": "debug"}, table="qos_table")
    assert store.qos_names() == {1: "normal", 5: "debug"}
