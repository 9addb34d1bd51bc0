"""What the made-up people have stored: quotas, and the table of Robinhood."""

import random
from typing import NamedTuple

from userportal.units import GIBIBYTE

TIB = 1 << 40
BLOCK_BYTES = 512
# Sizes from which Robinhood counts a file in each of its ten groups.
SIZE_GROUPS = ("sz0", "sz1", "sz32", "sz1K", "sz32K", "sz1M", "sz32M", "sz1G", "sz32G", "sz1T")
COLUMNS = ("uid", "gid", "type", "lhsm_status", "size", "blocks", "count", *SIZE_GROUPS)
# The columns as Robinhood's MySQL has them; its enumerations are plain texts here.
TEXT_COLUMNS = {"uid": 127, "gid": 127, "type": 8, "lhsm_status": 12}
KEY = ("uid", "gid", "type", "lhsm_status")
DEFAULTS = {
    "home": (50 * GIBIBYTE, 500_000),
    "scratch": (20 * TIB, 1_000_000),
}
PROJECT_FILES = 500_000  # for each TiB
FILE_SYSTEMS = {"home": "home", "scratch": "/scratch/", "project": "/project/"}


class StoragePlace(NamedTuple):
    """One quota: of a person's home or scratch, or of a group's project."""

    kind: str
    file_system: str  # as the exporter calls it
    owner: str
    owner_id: int
    used_bytes: int
    quota_bytes: int
    used_files: int
    quota_files: int
    daily_growth: float


def places(cluster, seed=1):
    """Return all StoragePlaces of a Cluster; some are over their quota."""
    source = random.Random(f"{seed}:storage")
    found = []
    for user in cluster.users:
        for kind, (quota_bytes, quota_files) in DEFAULTS.items():
            found.append(place(source, kind, user.name, user.uid, quota_bytes, quota_files))
    for one in cluster.allocations:
        quota_bytes, files = one.storage_tib * TIB, one.storage_tib * PROJECT_FILES
        found.append(place(source, "project", one.name, one.gid, quota_bytes, files))
    return found


def place(source, kind, owner, owner_id, quota_bytes, quota_files):
    """Return one StoragePlace, usually half full."""
    full, files = source.betavariate(2, 3) * 1.08, source.betavariate(2, 3)
    return StoragePlace(
        kind, FILE_SYSTEMS[kind], owner, owner_id, int(quota_bytes * full), quota_bytes,
        int(quota_files * files), quota_files, source.uniform(0, 0.012),
    )  # fmt: skip


def account_rows(cluster, seed=1):
    """Return the rows of ACCT_STAT (see COLUMNS): project directories by member, some on tape."""
    source = random.Random(f"{seed}:robinhood")
    projects = {one.owner: one for one in places(cluster, seed) if one.kind == "project"}
    rows = []
    for allocation in cluster.allocations:
        project = projects[allocation.name]
        weights = [source.random() + 0.02 for _member in allocation.members]
        for member, weight in zip(allocation.members, weights):
            share = weight / sum(weights)
            size, count = int(project.used_bytes * share), int(project.used_files * share)
            rows += rows_of(source, member, allocation.name, size, count)
        rows.append(row("root", allocation.name, "dir", "", 4096 * 4, 4))
    return rows


def rows_of(source, member, group, size, count):
    """Return a member's rows: files and directories, and what was archived on tape."""
    found = [
        row(member, group, "file", "", size * 9 // 10, count * 8 // 10),
        row(member, group, "file", "new", size // 10, count // 10),
        row(member, group, "dir", "", count // 10 * 4096, count // 10),
    ]
    if source.random() < 0.5:
        archived = int(size * source.uniform(0.2, 3.0))
        found.append(row(member, group, "file", "synchro", archived // 8, count // 50))
        found.append(row(member, group, "file", "released", archived, count // 20, on_disk=0))
    return found


def row(uid, gid, kind, status, size, count, on_disk=1):
    """Return one row of ACCT_STAT."""
    blocks = on_disk * -(-size // BLOCK_BYTES)
    groups = [0, 0, count // 10, count // 5, count // 5, count - count // 2 - count // 5,
              count // 10, 0, 0, 0]  # fmt: skip
    groups[0] = count - sum(groups)
    return (uid, gid, kind, status, size, blocks, count, *groups)


def write_robinhood(database, cluster, seed=1):
    """Make the table ACCT_STAT in an open, empty database, and fill it."""
    quote = database.dialect.quote
    columns = [
        f"{quote(name)} VARCHAR({TEXT_COLUMNS[name]}) NOT NULL"
        if name in TEXT_COLUMNS
        else f"{quote(name)} BIGINT"
        for name in COLUMNS
    ]
    key = database.dialect.quote_all(KEY)
    database.run_ddl(f"CREATE TABLE ACCT_STAT ({', '.join(columns)}, PRIMARY KEY ({key}))")
    marks = ", ".join("?" * len(COLUMNS))
    names = database.dialect.quote_all(COLUMNS)
    with database.transaction():
        for values in account_rows(cluster, seed):
            database.execute(f"INSERT INTO ACCT_STAT ({names}) VALUES ({marks})", values)  # noqa: S608 - of COLUMNS
