"""Logs for tests, and what a database must hold once they are loaded."""

import collections
import datetime
import random

from lmodtrack.record import Load, format_line

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp()


def make_loads(count, seed=1, days=3, users=12, modules=15):
    """Return loads of some users and modules, in the order of time."""
    source = random.Random(seed)
    times = sorted(round(START + source.random() * days * 86400, 6) for _ in range(count))
    return [
        Load(
            user=f"user{source.randrange(users)}",
            module=f"tool{number % 5}/{number}.0",
            path=f"/apps/tool{number % 5}/{number}.0.lua",
            host=f"login{source.randrange(3)}.cluster{source.randrange(2)}.example.org",
            time=time,
            user_load=source.choice((-1, 0, 1)),
            job_id=source.choice(("", "17", "4711")),
        )
        for time in times
        for number in [source.randrange(modules)]
    ]


def log_of(loads):
    """Return the text of a log with these loads, as bytes."""
    return b"".join(format_line(load) + b"\n" for load in loads)


def use_of(loads):
    """Return what lmod_use must hold: (day, user, path, cluster) -> [first, last, loads, own]."""
    found = {}
    for load in loads:
        day = datetime.datetime.fromtimestamp(load.time, datetime.timezone.utc)
        key = (int(day.strftime("%Y%m%d")), load.user, load.path, load.host.split(".")[1])
        row = found.setdefault(key, [load.time, load.time, 0, 0])
        row[0], row[1] = min(row[0], load.time), max(row[1], load.time)
        row[2] += load.loads
        row[3] += load.loads * (load.user_load == 1)
    return found


def stored_use(site):
    """Return what lmod_use holds, in the form of `use_of`."""
    rows = site.rows(
        "SELECT f.day, u.user_name, m.path, c.cluster_name, f.first_time, f.last_time, f.loads,"
        " f.user_loads FROM lmod_use f JOIN lmod_user u ON u.user_id = f.user_id"
        " JOIN lmod_module m ON m.module_id = f.module_id"
        " JOIN lmod_cluster c ON c.cluster_id = f.cluster_id"
    )
    return {tuple(row[:4]): list(row[4:]) for row in rows}


def months_of(use):
    """Return what lmod_month must say: (month, path, cluster) -> [loads, users]."""
    found = collections.defaultdict(lambda: [0, set()])
    for (day, user, path, cluster), row in use.items():
        found[day // 100, path, cluster][0] += row[2]
        found[day // 100, path, cluster][1].add(user)
    return {key: [loads, sorted(users)] for key, (loads, users) in found.items()}


def stored_months(site):
    """Return what lmod_month holds, in the form of `months_of`."""
    from lmodtrack import userset

    names = dict(site.rows("SELECT user_id, user_name FROM lmod_user"))
    rows = site.rows(
        "SELECT s.month, m.path, c.cluster_name, s.loads, s.users FROM lmod_month s"
        " JOIN lmod_module m ON m.module_id = s.module_id"
        " JOIN lmod_cluster c ON c.cluster_id = s.cluster_id"
    )
    return {
        tuple(row[:3]): [
            int(row[3]),
            sorted(names[number] for number in userset.members(userset.decode(bytes(row[4])))),
        ]
        for row in rows
    }


def assert_holds(site, loads):
    """Check that a database holds exactly these loads, by day and by month."""
    assert stored_use(site) == use_of(loads)
    assert stored_months(site) == months_of(use_of(loads))
