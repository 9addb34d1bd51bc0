"""What is asked of the metrics for a place, and what their answers mean."""

import pytest

from userportal.access.allocations import StorageAmount
from userportal.metrics.history import History, HistoryWriter
from userportal.sections import Storage
from userportal.storage import places
from userportal.storage.places import Place

HOME = Storage(file_system="home", label="user", kind="gpfs")
SCRATCH = Storage(file_system="/scratch/", label="user")
PROJECT = Storage(file_system="/project/", label="project")
GROUPS = Storage(file_system="project", label="group", kind="gpfs")
NOW = 1_700_000_000


def always(_exporter):
    """Say that each exporter is installed."""
    return True


@pytest.fixture
def source(tmp_path):
    """A function that makes a History of {(metric, labels): value}."""

    def make(**series):
        with HistoryWriter(tmp_path / "metrics.db") as writer:
            for name, samples in series.items():
                for labels, value in samples:
                    writer.add(name, labels, [NOW - 60], [value])
        return History(tmp_path / "metrics.db")

    return make


@pytest.mark.parametrize(
    ("section", "used", "quota"),
    [
        (HOME, 'max(gpfs_user_used_bytes{fs="home", user="7"})',
         'max(gpfs_user_quota_bytes{fs="home", user="7"})'),
        (Storage("fileset-home", "user", "gpfs"),
         'max(gpfs_user_used_bytes{fileset="fileset-home", user="7"})',
         'max(gpfs_user_quota_bytes{fileset="fileset-home", user="7"})'),
        (GROUPS, 'max(gpfs_group_used_bytes{fs="project", group="7"})',
         'max(gpfs_group_quota_bytes{fs="project", group="7"})'),
        (Storage("project", "fileset", "gpfs"),
         'max(gpfs_fileset_used_bytes{fs="project", fileset=~"def-ann|7"})',
         'max(gpfs_fileset_quota_bytes{fs="project", fileset=~"def-ann|7"})'),
        (Storage("fileset-all", "fileset", "gpfs"),
         'max(gpfs_fileset_used_bytes{fileset="fileset-all"})',
         'max(gpfs_fileset_quota_bytes{fileset="fileset-all"})'),
        (SCRATCH, 'max(lfs_quota_kbytes{path="/scratch/", user="7"}) * 1024', None),
        (PROJECT, 'max(lfs_quota_kbytes{path="/project/", project="7"}) * 1024', None),
    ],
)  # fmt: skip
def test_a_place_is_asked_for_by_file_system_and_number(section, used, quota):
    place = Place("x", "def-ann", 7, settings=section)
    rendered = places.used_expression(place, "bytes").render().replace("(max", "max")
    assert rendered.replace(")) *", ") *") == used
    if quota:
        assert places.quota_expression(place, "bytes").render() == quota


def test_files_of_lustre_are_inodes_and_not_multiplied():
    place = Place("x", "def-ann", 7, settings=PROJECT)
    assert places.used_expression(place, "files").render() == (
        'max(lfs_quota_inodes{path="/project/", project="7"}) * 1'
    )


def test_places_are_those_of_the_configuration_with_uid_or_gid():
    amounts = [
        StorageAmount("ann", "home", 10, 20), StorageAmount("def-ann", "project", 30, 40, 5001),
        StorageAmount("def-ann", "attic", 1, 1, 5001), StorageAmount("def-x", "project"),
    ]  # fmt: skip
    storage = {"home": HOME, "project": PROJECT}
    assert places.places_of(amounts, "ann", 1001, storage) == [
        Place("home", "ann", 1001, 10, 20, settings=HOME),
        Place("project", "def-ann", 5001, 30, 40, settings=PROJECT),
        Place("project", "def-x", None, settings=PROJECT),
    ]


def test_the_personal_group_is_looked_at_where_places_have_groups():
    amounts = [StorageAmount("def-ann", "project", 1, 1, 5001)]
    storage = {"home": HOME, "project": GROUPS}
    found = places.places_of(amounts, "ann", 1001, storage, has_own_group=True)
    assert found[1:] == [Place("project", "ann", 1001, is_personal=True, settings=GROUPS)]
    assert places.places_of(amounts, "ann", 1001, storage) == found[:1]
    own = [StorageAmount("ann", "project", 1, 1, 5001)]  # an allocation of the user's name
    assert len(places.places_of(own, "ann", 1001, {"project": GROUPS}, has_own_group=True)) == 1


def test_a_personal_group_without_files_is_not_told(source):
    metrics = source(
        gpfs_group_used_files=[({"fs": "project", "group": 1001}, 0),
                               ({"fs": "project", "group": 1002}, 1)],
    )  # fmt: skip
    found = {
        uid: places.measured(metrics, places.personal_places("x", uid, {"project": GROUPS}), NOW,
                             always)
        for uid in (1001, 1002, 1003)
    }  # fmt: skip
    assert (found[1001], found[1003]) == ([], [])
    assert [(one.used_files, one.is_personal) for one in found[1002]] == [(1, True)]


def test_gpfs_knows_the_quota_and_none_is_no_quota(source):
    metrics = source(
        gpfs_user_used_bytes=[({"fs": "home", "user": 1}, 60), ({"fs": "home", "user": 2}, 5),
                              ({"fs": "other", "user": 1}, 9)],
        gpfs_user_used_files=[({"fs": "home", "user": 1}, 0)],
        gpfs_user_quota_bytes=[({"fs": "home", "user": 1}, 50)],
        gpfs_user_quota_files=[({"fs": "home", "user": 1}, 0)],
    )  # fmt: skip
    place = Place("home", "ann", 1, 100, 200, settings=HOME)
    (found,) = places.measured(metrics, [place], NOW, always)
    assert (found.used_bytes, found.quota_bytes) == (60, 50)
    assert (found.used_files, found.quota_files) == (0, 200)
    assert (found.percent_bytes, found.percent_files, found.is_over) == (120, 0, True)


def test_kilobytes_of_lustre_become_bytes(source):
    metrics = source(
        lfs_quota_kbytes=[({"path": "/scratch/", "user": 1}, 3)],
        lfs_quota_inodes=[({"path": "/scratch/", "user": 1}, 11)],
    )
    (found,) = places.measured(metrics, [Place("s", "ann", 1, settings=SCRATCH)], NOW, always)
    assert (found.used_bytes, found.used_files, found.is_measured) == (3072, 11, True)
    assert (found.percent_bytes, found.is_over) == (None, False)


def test_who_has_no_series_is_below_the_floor_only_if_others_have_one(source):
    place = Place("s", "ann", 1, settings=SCRATCH)
    metrics = source(lfs_quota_kbytes=[({"path": "/scratch/", "user": 2}, 3)])
    (found,) = places.measured(metrics, [place], NOW, always)
    assert (found.is_measured, found.is_below_floor) == (True, True)
    (found,) = places.measured(source(up=[({}, 1)]), [place], NOW, always)
    assert (found.is_measured, found.is_below_floor) == (False, False)


def test_a_place_of_gpfs_without_series_is_not_called_empty(source):
    metrics = source(gpfs_user_used_bytes=[({"fs": "home", "user": 2}, 3)])
    (found,) = places.measured(metrics, [Place("h", "ann", 1, settings=HOME)], NOW, always)
    assert (found.is_measured, found.is_below_floor) == (False, False)
    metrics = source(gpfs_user_quota_bytes=[({"fs": "home", "user": 1}, 3)])
    (found,) = places.measured(metrics, [Place("h", "ann", 1, settings=HOME)], NOW, always)
    assert (found.quota_bytes, found.used_bytes, found.is_below_floor) == (3, None, False)


def test_without_exporter_or_number_nothing_is_asked(source):
    metrics = source(lfs_quota_kbytes=[({"path": "/scratch/", "user": 1}, 3)])
    known = Place("s", "ann", 1, settings=SCRATCH)
    unknown = Place("s", "def-x", None, settings=PROJECT)
    assert places.measured(metrics, [known], NOW, lambda name: False) == [known]
    assert places.measured(metrics, [unknown], NOW, always) == [unknown]


@pytest.mark.parametrize(
    ("used", "quota", "percent"),
    [(None, 10, None), (5, None, None), (5, 0, None), (0, 10, 0), (15, 10, 150)],
)
def test_percent_is_known_only_with_both(used, quota, percent):
    assert places.percent(used, quota) == percent
