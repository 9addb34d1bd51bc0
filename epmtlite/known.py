"""Is a job in the database already: the same one, a part of it, or another of its number?"""

from typing import NamedTuple, Optional

from epmtlite.collect import errors
from usagedb.person import ERASED
from usagedb.pseudonyms import PREFIX

MOST_NAMES = 10  # of hosts in a message
QUARTER_HOUR, HOUR = 900_000_000, 3_600_000_000  # microseconds


class Known(NamedTuple):
    """A job as the database has it, or as it was read before."""

    start: int
    end: int
    user: str
    num_procs: int
    num_threads: int
    cpu_time: int  # microseconds of all processes: hardly equal for two sets of them
    hosts: frozenset

    def describe(self):
        """Return what it holds, for messages."""
        return (
            f"{self.num_procs} processes with {self.num_threads} threads and {self.cpu_time}"
            f" microseconds of CPU time on {named(self.hosts)}"
        )


def find_id(database, cluster, jobid) -> Optional[int]:
    """Return the number of the job of that key, None if it is not there. Read-only."""
    sql = "SELECT id FROM epmt_job WHERE cluster = ? AND jobid = ?"
    found = database.rows(sql, (cluster, jobid))
    return found[0][0] if found else None


def was_stored_since(database, cluster, jobid, since) -> bool:
    """Tell whether the job of that key was stored since a moment, in seconds since the epoch.
    Read-only."""
    sql = "SELECT 1 FROM epmt_job WHERE cluster = ? AND jobid = ? AND created_at >= ?"
    return bool(database.rows(sql, (cluster, jobid, since)))


def find(database, cluster, jobid) -> Optional[Known]:
    """Return the job of that key, None if it is not there. Read-only."""
    sql = (
        f"SELECT j.id, j.start, j.{database.dialect.quote('end')}, u.name, j.num_procs,"  # noqa: S608
        " j.num_threads, j.cpu_time FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"
        " WHERE j.cluster = ? AND j.jobid = ?"
    )
    found = database.rows(sql, (cluster, jobid))
    if not found:
        return None
    sql = (
        "SELECT h.name FROM epmt_job_host j JOIN epmt_host h ON h.id = j.host_id WHERE j.job_id = ?"
    )
    job_id, *values = found[0]
    hosts = frozenset(row[0] for row in database.rows(sql, (job_id,)))
    return Known._make((*values, hosts))


def known_of(facts, processes):
    """Return the Known of a job that was read: its Facts and its Processes."""
    sums = processes.aggregate
    return Known(
        facts.start, facts.end, facts.user, sums.num_procs, sums.num_threads, sums.cpu_time,
        frozenset(processes.hosts),
    )  # fmt: skip


def check_times(known, facts):
    """Raise MalformedError if the known job is another one that has the number of these Facts, as
    far as its times say."""
    if (known.start, known.end) == (facts.start, facts.end):
        return
    shift = facts.start - known.start
    is_user = is_same_user(known, facts.user)
    if shift == facts.end - known.end and is_user and shift % QUARTER_HOUR == 0:
        raise errors.MalformedError(
            f"the database has job {facts.jobid} already, in a time zone that differs by"
            f" {shift / HOUR:g} hours: set EPMT_TZ as when it was stored"
        )
    raise another_job(facts)


def another_job(facts):
    """Return the error for a job whose number another one has."""
    return errors.MalformedError(
        f"the database has another job {facts.jobid}, of other times or of another user: delete"
        " that, or name the cluster of this one with --cluster"
    )


def is_same_user(known, user):
    """Tell whether a known job may be that of a user, as far as names say: of one whose name was
    taken out of the database, and has no other in its place, nobody knows."""
    return known.user in (user, ERASED) or known.user.startswith(PREFIX)


def check_same(known, facts, processes):
    """Raise MalformedError unless the processes that were read are those of the known job.

    The user may have been given any other name in the database: no two users have processes with
    the same sums, on the same hosts, in jobs of the same number and the same microseconds.
    """
    check_times(known, facts)
    found = known_of(facts, processes)
    is_user, is_equal = is_same_user(known, facts.user), found == known._replace(user=found.user)
    if is_equal and (is_user or known.num_procs):
        return
    if not is_user:
        raise another_job(facts)
    missing, other = found.hosts - known.hosts, known.hosts - found.hosts
    if missing:
        reason = f"the database has it without {named(missing)}: it has {known.describe()}"
    elif other:
        reason = f"this has nothing of {named(other)}: the database has {known.describe()}"
    else:
        reason = f"this has {found.describe()}, the database has {known.describe()}"
    raise errors.MalformedError(
        f"another part of job {facts.jobid}, which is in the database already: {reason}. Put the"
        f" files of all its hosts together, then epmt delete {facts.jobid}, and submit them"
    )


def named(hosts):
    """Return the names of some hosts, for messages."""
    names = sorted(hosts)
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    return ", ".join(names) or "no host"
