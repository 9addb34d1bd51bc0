"""A tiny portal with places on GPFS and Lustre, and Robinhood's table of one of them."""

import contextlib

from tests.userportal.pages.tiny_portal import DAY, NOW, tiny_portal
from tests.userportal.storage.account_table import ROWS, make_file

GIB = 2**30
PLACES = """
[storage home]
kind = gpfs
file_system = home
label = user
default_gib = 50
default_files = 500
[storage scratch]
file_system = /scratch/
label = user
default_gib = 20
[storage project]
kind = gpfs
file_system = project
label = group
"""
STORED = """
[storage nearline]
file_system = /nearline/
label = project
robinhood = robinhood_db.conf
"""


def record(recorder):
    """Write what the places hold: of ann, def-ann, def-cy, and of members by user."""
    long = {"since": NOW - 2 * DAY}
    for name, size, files, allowed in (("1001", 30, 100, 50), ("1003", 60, 900, 50)):
        recorder.gauge("gpfs_user_used_bytes", size * GIB, fs="home", user=name, **long)
        recorder.gauge("gpfs_user_used_files", files, fs="home", user=name, **long)
        recorder.gauge("gpfs_user_quota_bytes", allowed * GIB, fs="home", user=name, **long)
        recorder.gauge("gpfs_user_quota_files", 1000, fs="home", user=name, **long)
    recorder.gauge("lfs_quota_kbytes", 5 * 2**20, path="/scratch/", user="1002", **long)
    recorder.gauge("lfs_quota_inodes", 77, path="/scratch/", user="1002", **long)
    for group, size in (("5001", 40), ("5003", 3), ("1002", 1)):
        recorder.gauge("gpfs_group_used_bytes", size * GIB, fs="project", group=group, **long)
        recorder.gauge("gpfs_group_used_files", size * 10, fs="project", group=group, **long)
    recorder.gauge("gpfs_group_quota_bytes", 80 * GIB, fs="project", group="5001", **long)
    recorder.gauge("gpfs_group_used_files", 0, fs="project", group="1001", **long)
    for user, size in (("1001", 10), ("1002", 25), ("1003", 3)):
        recorder.gauge("gpfs_user_used_bytes", size * GIB, fs="project", user=user, **long)
        recorder.gauge("gpfs_user_used_files", size, fs="project", user=user, **long)


@contextlib.contextmanager
def storage_portal(directory, sections=PLACES + STORED, rows=ROWS, **more):
    """Let Django serve a portal with these places inside the block; rows None: no table."""
    if rows is not None:
        make_file(directory, rows)
    with tiny_portal(directory, record, sections, **more) as portal:
        yield portal
