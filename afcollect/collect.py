"""One run: each part collects its documents, and none keeps the others from being sent."""

import dataclasses
import functools
import logging
import shutil
import socket

from afcollect import condor, host, jobs, logins, members, names, slurm
from afcollect.failures import PartFailed
from usagedb import errors

logger = logging.getLogger(__name__)

FIRST_INTERVAL_SECONDS = 360.0  # of finished jobs, where no earlier run is known
# A job's end may be written some time after it: each query goes back as far, and jobs that were
# reported are left out.
OVERLAP_SECONDS = 360.0


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
    hash_name: str = "md5"
    obfuscate_hosts: str = ""
    host_template: str = names.HOST_TEMPLATE


@dataclasses.dataclass
class Collected:
    """What one run has collected."""

    documents: list = dataclasses.field(default_factory=list)  # (part, document)
    failures: list = dataclasses.field(default_factory=list)  # texts, one line each
    state: dict = dataclasses.field(default_factory=dict)  # for the next run
    reported: set = dataclasses.field(default_factory=set)  # (batch system, job_id)


class Collector:
    """Collects all parts that are asked for."""

    def __init__(self, settings, now, state, reported_of):
        """state is what the last run left, reported_of(batch system) the numbers of finished jobs
        that were reported."""
        self.settings, self.now = settings, now
        self.state, self.reported_of = state, reported_of
        self.found = Collected()

    def run(self):
        """Return what was Collected."""
        settings = self.settings
        for part, is_wanted, collect in (
            ("ssh", settings.ssh or settings.ssh_history, self._ssh),
            ("host", settings.host, self._host),
            ("batch", settings.batch, self._batch),
            ("jupyter", settings.jupyter, self._jupyter),
        ):
            if is_wanted:
                with self._surviving(part):
                    collect()
        return self.found

    def _surviving(self, part):
        return Surviving(self.found.failures, part)

    def _users(self):
        """Return the Users to send. Raises PartFailed if there is no such group."""
        group = self.settings.group
        return names.Users(
            self.settings.obfuscate_users, self.settings.salt, self.settings.hash_name,
            members.members_of(group) if group else None,
        )  # fmt: skip

    def _add(self, part, document):
        kind = document.pop("kind")
        self.found.documents.append(
            (part, {"kind": kind, "cluster": self.settings.cluster, **document})
        )

    @functools.cached_property
    def _login_node(self):
        """The name under which this machine is sent."""
        own = socket.gethostname()
        full = own if "." in own else socket.getfqdn()
        name = own if full.startswith("localhost") else full
        domain = self.settings.obfuscate_hosts or None
        return names.shown_host(name, domain, self.settings.host_template)

    def _ssh(self):
        users = self._users()
        found: set = set()
        asked = []
        if self.settings.ssh:
            asked.append(logins.present)
        if self.settings.ssh_history:
            asked.append(lambda: logins.recent(self.now))
        failures_before = len(self.found.failures)
        for names_of in asked:
            with self._surviving("ssh"):
                found |= set(names_of())
        if len(self.found.failures) - failures_before == len(asked):
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
            self.found.state["network"] = counters
            document = host.network(self.state.get("network"), counters)
            if document:
                add("NETWORK", document)
            else:
                logger.info("network: the next run knows how much was sent since this one")
        documents, failures, hanging = host.disk_documents(
            self.settings.mounts, self.state.get("hanging", {})
        )
        self.found.state["hanging"] = hanging
        self.found.failures += (f"DISK: {failure}" for failure in failures)
        for document in documents:
            if self.settings.obfuscate_hosts and not document.get("device", "").startswith("/dev/"):
                document.pop("device", None)  # it names the file server
            add("DISK", document)

    def _batch(self):
        users = self._users()
        for system in self._batch_systems():
            if system is condor:
                self._condor(users)
            else:
                self._slurm(users)

    def _batch_systems(self):
        wanted = self.settings.batch_system
        systems = [
            system
            for system, program in ((condor, "condor_q"), (slurm, "squeue"))
            if wanted == system.KIND or (wanted == "auto" and shutil.which(program))
        ]
        if not systems:
            raise PartFailed("there is neither condor_q nor squeue here")
        return systems

    def _condor(self, users):
        with self._surviving("condor"):
            self._add_jobs(condor.KIND, users, condor.queued_jobs())
        with self._surviving("condor, finished jobs"):
            self._add_finished(condor, users)
        for name, constraint in self.settings.queues:
            with self._surviving(f"condor, queue {name}"):
                document = jobs.queue_document("condorqueue", condor.queue(name, constraint))
                self._add(condor.KIND, document)

    def _slurm(self, users):
        with self._surviving("slurm"):
            rows = slurm.queue_rows()
            self._add_jobs(slurm.KIND, users, slurm.queued_jobs(rows))
            wanted = {name: set(text.split(",")) for name, text in self.settings.queues}
            for queue in slurm.queues(rows, wanted):
                self._add(slurm.KIND, jobs.queue_document("slurmqueue", queue))
        with self._surviving("slurm, finished jobs"):
            self._add_finished(slurm, users)

    def _add_finished(self, system, users):
        """Add the jobs that finished since the last run that knew them."""
        key = f"finished.{system.KIND}"
        last = self.state.get(key)
        since = self.now - FIRST_INTERVAL_SECONDS
        if last:  # which lies ahead where a wrong clock was set back since
            since = min(last, self.now) - OVERLAP_SECONDS
        known = self.reported_of(system.KIND)
        new = {job.job_id: job for job in system.finished_jobs(since) if job.job_id not in known}
        self._add_jobs(system.KIND, users, new.values())
        self.found.reported |= {(system.KIND, job_id) for job_id in new}
        self.found.state[key] = self.now

    def _add_jobs(self, system, users, found):
        for job in found:
            if users.keeps(job.owner):
                self._add(system, jobs.job_document(f"{system}job", job, users))

    def _jupyter(self):
        from afcollect import jupyter

        users = self._users()
        settings = self.settings
        shown = users.shown_of(jupyter.owners(settings.namespace, settings.label))
        self._add(
            "jupyter-debug",
            {"kind": jupyter.kind_of(settings.namespace), "jupyter_user_count": len(shown),
             "users": shown},
        )  # fmt: skip


class Surviving:
    """A block whose failure is noted and ends nothing but the block."""

    def __init__(self, failures, part):
        self.failures, self.part = failures, part

    def __enter__(self):
        return self

    def __exit__(self, _kind, error, _traceback):
        if not isinstance(error, Exception) or isinstance(error, errors.RunInterrupted):
            return False
        is_expected = isinstance(error, (PartFailed, OSError))
        self.failures.append(f"{self.part}: {error if is_expected else repr(error)}")
        if not is_expected:  # a fault of ours, or of a library: the other parts count all the same
            logger.debug("traceback", exc_info=error)
        return True
