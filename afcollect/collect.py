"""One run: each part collects its documents, and none keeps the others from being sent."""

import dataclasses
import functools
import logging

from afcollect import condor, host, jobs, logins, members, names, slurm
from afcollect.commands import Programs
from afcollect.failures import PartFailed
from afcollect.interval import boot_clock, interval

logger = logging.getLogger(__name__)

PROGRAMS = {condor: "condor_q", slurm: "squeue"}


@dataclasses.dataclass
class Settings:
    """What to collect, and how to show it."""

    cluster: str
    ssh: bool = False
    ssh_history: bool = False
    host: bool = False
    batch: bool = False
    jupyter: bool = False
    namespace: str = "af-jupyter"
    label: str = "owner"
    mounts: tuple = ()
    queues: tuple = ()  # (name, constraint)
    batch_system: str = "auto"
    group: str = ""
    obfuscate_users: bool = False
    salt: str = ""
    salt_problem: str = ""  # why there is no salt, though one was asked for
    hash_name: str = "md5"
    obfuscate_hosts: str = ""
    host_template: str = names.HOST_TEMPLATE


@dataclasses.dataclass
class Piece:
    """What one step of a run has collected; what belongs together, and is stored together."""

    documents: list = dataclasses.field(default_factory=list)  # (part, document)
    failures: list = dataclasses.field(default_factory=list)  # texts, one line each
    state: dict = dataclasses.field(default_factory=dict)  # for the next run
    found_jobs: set = dataclasses.field(default_factory=set)  # (batch system, Job.end)


class Collector:
    """Collects all parts that are asked for."""

    def __init__(self, settings, now, state, reported_of, clock=None):
        """now is in seconds since the epoch, state what the last run left; reported_of(batch
        system, Job.ends) returns which of some finished jobs were reported; clock is that of
        interval.boot_clock."""
        self.settings, self.now = settings, now
        self._clock = clock or boot_clock()
        self.state, self.reported_of = state, reported_of
        self.programs = Programs(hanging=state.get("hanging_programs"))
        self._systems: list = []
        self._piece = Piece()

    def run(self):
        """Return all Pieces as one."""
        whole = Piece()
        for piece in self.pieces():
            whole.documents += piece.documents
            whole.failures += piece.failures
            whole.state.update(piece.state)
            whole.found_jobs |= piece.found_jobs
        return whole

    def pieces(self):
        """Yield a Piece as soon as it is collected; its failures end nothing else."""
        for name, collect in self._steps():
            piece = self._piece = Piece()
            hanging = dict(self.programs.hanging)
            with self._surviving(name):
                collect()
            if self.programs.hanging != hanging:
                piece.state["hanging_programs"] = self.programs.hanging
            yield piece

    def _steps(self):
        """Yield (name, function) of all that is to be collected."""
        settings = self.settings
        if settings.ssh or settings.ssh_history:
            yield "ssh", self._ssh
        if settings.host:
            yield "host", self._host
        if settings.batch:
            yield "batch", self._find_systems
            for system in self._systems:
                yield from self._condor_steps() if system is condor else self._slurm_steps()
        if settings.jupyter:
            yield "jupyter", self._jupyter

    def _surviving(self, name):
        return Surviving(self._piece.failures, name)

    @functools.cached_property
    def _users(self):
        """The Users to send. Raises PartFailed if there is no such group, or no salt."""
        settings = self.settings
        if settings.salt_problem:
            raise PartFailed(settings.salt_problem)
        among = self._members_among() if settings.group else None
        return names.Users(
            settings.obfuscate_users, settings.salt, settings.hash_name, among
        )  # fmt: skip

    def _members_among(self):
        """Return the function that tells which of some names are members of the group.

        Raises PartFailed if there is no such group.
        """
        group = members.Group(self.settings.group)
        group.among(())
        return lambda found: group.among(found, self.programs.left_seconds())

    @functools.cached_property
    def _login_node(self):
        """The name under which this machine is sent."""
        settings = self.settings
        node = names.login_node(
            settings.obfuscate_hosts or None, settings.host_template, self.state.get("login_node")
        )
        self._piece.state["login_node"] = node
        return node["shown"]

    def _add(self, part, document):
        kind = document.pop("kind")
        self._piece.documents.append(
            (part, {"kind": kind, "cluster": self.settings.cluster, **document})
        )

    def _ssh(self):
        users = self._users
        asked = []
        if self.settings.ssh:
            asked.append(lambda: logins.present(self.programs.output_of))
        if self.settings.ssh_history:
            asked.append(lambda: logins.recent(self.now, self.programs.output_of))
        found: set = set()
        for names_of in asked:
            with self._surviving("ssh"):
                found |= set(names_of())
        if len(self._piece.failures) == len(asked):
            return  # nobody knows
        shown = users.shown_of(found)
        self._add(
            "ssh",
            {"kind": "ssh", "login_node": self._login_node, "ssh_user_count": len(shown),
             "users": shown},
        )  # fmt: skip

    def _host(self):
        node = self._login_node

        def add(kind, document):
            self._add("host", {"kind": kind, "login_node": node, **document})

        with self._surviving("CPU"):
            add("CPU", host.load())
        with self._surviving("MEM"):
            add("MEM", host.memory())
        with self._surviving("NETWORK"):
            counters = host.network_counters()
            self._piece.state[host.network_key()] = counters
            document = host.network(host.counters_before(self.state, counters), counters)
            if document:
                add("NETWORK", document)
            else:
                logger.info("network: the next run knows how much was sent since this one")
        documents, failures, hanging = host.disk_documents(
            self.settings.mounts, self.state.get("hanging", {})
        )
        self._piece.state["hanging"] = hanging
        self._piece.failures += (f"DISK: {failure}" for failure in failures)
        for document in documents:
            if self.settings.obfuscate_hosts and not document.get("device", "").startswith("/dev/"):
                document.pop("device", None)  # it names the file server
            add("DISK", document)

    def _find_systems(self):
        """Find out which batch systems there are, and whose jobs are sent."""
        _ = self._users  # without them no job is sent
        wanted = self.settings.batch_system
        systems = [
            system
            for system, program in PROGRAMS.items()
            if wanted == system.KIND or (wanted == "auto" and self.programs.is_installed(program))
        ]
        if not systems:
            raise PartFailed("there is neither condor_q nor squeue here")
        self._systems = systems

    def _condor_steps(self):
        ask = self.programs.output_of
        yield "condor", lambda: self._add_jobs(condor.KIND, condor.queued_jobs(ask))
        yield "condor, finished jobs", lambda: self._add_finished(condor)
        for name, constraint in self.settings.queues:
            yield f"condor, queue {name}", functools.partial(self._condor_queue, name, constraint)

    def _condor_queue(self, name, constraint):
        queue = condor.queue(name, constraint, self.programs.output_of)
        self._add(condor.KIND, jobs.queue_document("condorqueue", queue))

    def _slurm_steps(self):
        yield "slurm", self._slurm
        yield "slurm, finished jobs", lambda: self._add_finished(slurm)

    def _slurm(self):
        rows = slurm.queue_rows(self.programs.output_of)
        self._add_jobs(slurm.KIND, rows._replace(found=slurm.queued_jobs(rows.found)))
        # What -q says is a constraint of HTCondor where that is there, too.
        queues = () if condor in self._systems else self.settings.queues
        wanted = {name: set(text.split(",")) for name, text in queues}
        for queue in slurm.queues(rows.found, wanted):
            self._add(slurm.KIND, jobs.queue_document("slurmqueue", queue))

    def _add_finished(self, system):
        """Add the jobs that finished since the last run that knew them."""
        key = f"finished.{system.KIND}"
        since, state = interval(self.state.get(key), self.now, self._clock)
        listing = system.finished_jobs(since, self.programs.output_of)
        found = {job.end: job for job in listing.found}
        known = self.reported_of(system.KIND, list(found))
        new = [job for end, job in found.items() if end not in known]
        self._add_jobs(system.KIND, listing._replace(found=new))
        self._piece.found_jobs = {(system.KIND, end) for end in found}
        self._piece.state[key] = state

    def _add_jobs(self, kind, listing):
        if listing.problem:
            self._piece.failures.append(f"{kind}: {listing.problem}")
        kept = self._users.kept({job.owner for job in listing.found})
        for job in listing.found:
            if job.owner in kept:
                self._add(kind, jobs.job_document(f"{kind}job", job, self._users))

    def _jupyter(self):
        from afcollect import jupyter

        settings, users = self.settings, self._users
        left_seconds = self.programs.left_seconds()
        shown = users.shown_of(jupyter.owners(settings.namespace, settings.label, left_seconds))
        self._add(
            "jupyter-debug",
            {"kind": jupyter.kind_of(settings.namespace), "jupyter_user_count": len(shown),
             "users": shown},
        )  # fmt: skip


class Surviving:
    """A block whose failure is noted and ends nothing but the block."""

    def __init__(self, failures, name):
        self.failures, self.name = failures, name

    def __enter__(self):
        return self

    def __exit__(self, _kind, error, _traceback):
        if not isinstance(error, Exception):
            return False
        is_expected = isinstance(error, (PartFailed, OSError))
        self.failures.append(f"{self.name}: {error if is_expected else repr(error)}")
        if not is_expected:  # a fault of ours, or of a library: the other parts count all the same
            logger.debug("traceback", exc_info=error)
        return True
