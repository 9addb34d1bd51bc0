"""Ask what happened to nodes."""

from collections.abc import Iterable

from usagedb.database import in_parts
from userportal.slurm import states, stored
from userportal.slurm.asking import ClusterTables
from userportal.slurm.model import Job, NodeEvent

MOST_NODES = 2000
MOST_EVENTS = 1000
MARGIN_SECONDS = 3600  # before and after a job: what ended it may be noticed later


class NodeQueries(ClusterTables):
    """Queries about nodes."""

    def events(
        self, nodes: "Iterable[str]", since: int, until: int, limit: int = MOST_EVENTS
    ) -> "list[NodeEvent]":
        """Return the events of some nodes that touch a time, the oldest first.

        Open events that began before `until` are among them. [] without the table.
        """
        wanted = list(dict.fromkeys(nodes))[:MOST_NODES]
        if not wanted or not self.columns("event_table"):
            return []
        sql = (
            'SELECT "node_name", "time_start", "time_end", "reason", "reason_uid", "state"'  # noqa: S608
            f' FROM {{event_table}} WHERE "time_start" <= {until:d}'
            f' AND ("time_end" = 0 OR "time_end" >= {since:d}) AND "node_name" IN ({{}})'
            f' ORDER BY "time_start" DESC LIMIT {max(0, min(limit, MOST_EVENTS)):d}'
        )
        names = set(wanted)
        found = [event_of(row) for row in in_parts(self.database, self.written(sql), wanted)]
        found = sorted((one for one in found if one.node in names), key=when)
        return found[-limit:] if limit else []

    def job_events(self, job: Job, now: float) -> "list[NodeEvent]":
        """Return the events of a job's nodes from an hour before its start to one after its end."""
        if job.start is None:
            return []
        end = int(now) if job.end is None else job.end
        return self.events(job.nodes, job.start - MARGIN_SECONDS, end + MARGIN_SECONDS)


def event_of(row: "tuple[object, ...]") -> NodeEvent:
    """Return the NodeEvent of a row."""
    name, start, end, reason, reason_user, state = row
    return NodeEvent(
        stored.shown(name), stored.moment(start) or 0, stored.moment(end), stored.shown(reason),
        stored.known(reason_user), states.node_names(stored.number(state)),
    )  # fmt: skip


def when(event: NodeEvent) -> "tuple[int, str]":
    """Return what events are sorted by."""
    return event.start, event.node
