"""The made-up people and machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.demo.cluster import TRES, make_cluster
from userportal.demo.sizes import SMALL, Sizes


def test_the_same_seed_makes_the_same_cluster_and_another_seed_another():
    assert make_cluster(Sizes(), 5) == make_cluster(Sizes(), 5)
    assert make_cluster(Sizes(), 5).users != make_cluster(Sizes(), 6).users


def test_the_demo_has_forty_people_in_groups_with_one_manager_each():
    cluster = make_cluster()
    assert len(cluster.users) == 40
    assert sum(user.is_manager for user in cluster.users) == 8
    for allocation in cluster.allocations:
        members = [cluster.user(name) for name in allocation.members]
        assert [one.name for one in members if one.is_manager] == [allocation.manager]
        assert len(members) == 5


@given(st.integers(0, 10_000))
def test_no_name_and_no_number_of_a_person_comes_twice(seed):
    users = make_cluster(Sizes(), seed).users
    assert len({user.name for user in users}) == len({user.uid for user in users}) == 40
    assert len({user.full_name for user in users}) == 40
    assert all(user.name.isascii() and user.name.isalpha() for user in users)


def test_every_member_has_an_account_for_cores_and_one_for_gpus():
    cluster = make_cluster(SMALL)
    for user in cluster.users:
        for kind in ("cpu", "gpu"):
            accounts = cluster.accounts_of(user.name, kind)
            assert f"def-{user.group}_{kind}" in accounts
            assert all(user.name in cluster.accounts()[one].members for one in accounts)


def test_a_granted_account_comes_before_the_default_one():
    cluster = make_cluster(SMALL)
    manager = cluster.users[0].name
    assert cluster.accounts_of(manager, "cpu") == [f"rrg-{manager}_cpu", f"def-{manager}_cpu"]


def test_there_are_two_models_of_gpus_and_slurm_has_numbers_for_both():
    cluster = make_cluster(SMALL)
    models = {node.gpu_model for node in cluster.nodes if node.gpu_count}
    assert {model.gres for model in models} == {"a100", "h100"}
    names = {number: name for number, _kind, name in TRES}
    assert all(names[model.tres_id] == f"gpu:{model.gres}" for model in models)


def test_a_user_that_is_not_there_is_no_user():
    with pytest.raises(KeyError):
        make_cluster(SMALL).user("nobody")
