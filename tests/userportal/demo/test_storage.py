"""What the made-up people have stored."""

from tests.userportal.demo.recorded import NOW, made, recorded
from userportal.demo import storage


def test_each_person_has_a_home_and_a_scratch_and_each_allocation_a_project():
    cluster, _schedule = made()
    found = storage.places(cluster, 1)
    for kind, owners in (
        ("home", {user.name for user in cluster.users}),
        ("scratch", {user.name for user in cluster.users}),
        ("project", {one.name for one in cluster.allocations}),
    ):
        assert {one.owner for one in found if one.kind == kind} == owners


def test_robinhood_has_rows_of_every_kind_that_the_pages_ask_for(site):
    cluster, _schedule = made()
    database = site.connect()
    storage.write_robinhood(database, cluster, 1)
    rows = database.rows("SELECT uid, gid, type, lhsm_status, size, blocks, count FROM ACCT_STAT")
    database.close()
    assert {row[3] for row in rows} == {"", "new", "synchro", "released"}
    assert {row[2] for row in rows} == {"file", "dir"}
    assert {row[1] for row in rows} == {one.name for one in cluster.allocations}
    # What is on tape alone takes no blocks.
    assert {row[5] for row in rows if row[3] == "released"} == {0}
    assert all(row[5] * 512 >= row[4] for row in rows if row[3] != "released")


def test_robinhood_and_the_quota_agree_on_a_project():
    cluster, _schedule = made()
    projects = [one for one in storage.places(cluster, 1) if one.kind == "project"]
    rows = storage.account_rows(cluster, 1)
    for project in projects:
        size = sum(row[4] for row in rows if row[1] == project.owner and row[3] in ("", "new"))
        assert abs(size - project.used_bytes) < 0.01 * project.used_bytes + 2**30


def test_the_files_of_each_size_are_all_files():
    for row in storage.account_rows(made()[0], 1):
        assert sum(row[7:]) == row[6]
        assert min(row[7:]) >= 0


def test_quotas_in_the_metrics_are_those_of_the_places():
    cluster, _schedule = made()
    metrics = recorded()
    for one in storage.places(cluster, 1):
        if one.kind == "scratch":
            found = metrics.total("lfs_quota_kbytes", user=str(one.owner_id))[()]
            assert found[max(found)] == one.used_bytes // 1024
            assert max(found) <= NOW
