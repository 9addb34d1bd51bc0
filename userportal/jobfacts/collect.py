"""Ask every source that is configured what it knows of a job; one that fails costs no other."""

import dataclasses
import logging
from typing import Any, Optional

from usagedb import errors
from userportal.analysis.facts import Facts
from userportal.jobfacts import energy
from userportal.jobfacts.assemble import Times, facts_of_row, measured_fields
from userportal.jobfacts.measures import (
    Labels,
    job_expressions,
    measured,
    moved,
    owned,
    whole_node_expressions,
)
from userportal.jobfacts.secrets import script_redactor
from userportal.metrics.expression import any_of, node_names
from userportal.metrics.window import rate_window
from userportal.report import stored
from userportal.slurm import script as scripts

logger = logging.getLogger(__name__)

HOUR_SECONDS = 3600
LEAST_SECONDS = 60  # a shorter window of the metrics holds nothing


@dataclasses.dataclass(frozen=True)
class Known:
    """All that is known of a job, and why the rest is not."""

    job: Any  # userportal.slurm.model.Job
    facts: Facts
    prerequisites: tuple = ()  # userportal.slurm.model.Prerequisite
    dependents: tuple = ()  # jobs that wait for this one
    script: Optional[str] = None
    failures: dict = dataclasses.field(default_factory=dict)  # source -> UsageDBError


class Collector:
    """Asks the sources of one portal; what it finds of many jobs is asked job by job."""

    def __init__(self, sources, gpu_models, script_of=None):
        """gpu_models: userportal.analysis.gpus; script_of(job_id) returns the script that the
        collector of scripts has sent, or None."""
        self.sources, self.gpu_models = sources, gpu_models
        self.script_of = script_of or (lambda job_id: None)

    def collect(self, slurm, job, now, username):
        """Return what is Known of a job of the open SlurmDatabase. Read-only.

        username: whose job it is, see access.owners; None if nobody knows.
        """
        cluster = self.sources.configuration.portal.cluster
        failures: dict = {}
        facts = facts_of_row(job, now, username, cluster)
        prerequisites = tuple(slurm.prerequisites(job))
        dependents = tuple(slurm.dependents(job))
        text = self.script_text(slurm, job)
        fields = {
            "qos": slurm.qos_names().get(job.qos_id),
            "dependencies": tuple(one.dependency.job_id for one in prerequisites),
            "dependents": tuple(one.job_id for one in dependents),
            "script": text,
            "modules": tuple(scripts.modules(text)) if text else None,
        }
        try:
            fields.update(self.measure(slurm, job, now, username))
        except errors.UsageDBError as error:
            logger.info("metrics of job %s: %s", job.job_id, error)
            failures["metrics"] = error
        known = {name: value for name, value in fields.items() if value is not None}
        facts = with_stored(dataclasses.replace(facts, **known), job)
        return Known(job, facts, prerequisites, dependents, text, failures)

    def script_text(self, slurm, job):
        """Return the job's script: that of Slurm's own table, else the one that was sent."""
        found = slurm.script(job)
        if not found:
            found = self.script_of(job.array_job_id or job.job_id)
        if not found:
            return None
        configuration = self.sources.configuration
        shown = found[: configuration.limits.script_characters]
        return script_redactor(configuration).text(shown)

    def measure(self, slurm, job, now, username):
        """Return the fields of Facts that the metrics tell; {} without a source or before start."""
        configuration, source = self.sources.configuration, self.sources.metrics
        if job.start is None:
            return {}
        found = {} if source is None else self.measured(configuration, source, job, now, username)
        found["energy_kwh"] = energy_kwh(self.sources, slurm, job, now, username)
        return found

    def measured(self, configuration, source, job, now, username):
        """Return the fields of Facts that a source of metrics tells."""
        settings = configuration.prometheus
        labels = Labels(settings.host_label, settings.node_domain)
        sampling = configuration.sampling_seconds
        expressions = job_expressions(job.job_id, sampling, labels, username)
        if configuration.has_exporter("node_exporter"):
            nodes = node_names(job.nodes, settings.node_domain)
            expressions.update(whole_node_expressions(nodes, labels))
        start, end = span_of(job, now)
        series = measured(source, expressions, start, end, sampling("slurm_job_exporter"))
        times = Times(job.held_seconds(now), job.elapsed_seconds(now))
        memory_bytes = self.gpu_models.memory_bytes
        found = measured_fields(series, times, labels, memory_bytes, job.nodes)
        if sampling("lustre_exporter"):
            lustre_seconds = sampling("lustre_exporter")
            found.update(moved(source, job.job_id, username, start, end, lustre_seconds))
        return found


def with_stored(facts, job):
    """Return Facts with the figures in the job's comment, where the metrics know nothing of it.

    Sites that ran another job report have them there; see userportal.report.stored.
    """
    if facts.nodes is not None:
        return facts
    try:
        found = stored.decode(job.admin_comment)
    except errors.UsageDBError as error:
        logger.info("comment of job %s: %s", job.job_id, error)
        return facts
    return stored.with_statistics(facts, found) if found else facts


def span_of(job, now):
    """Return (start, end) of a job that has started, epoch seconds, never too near."""
    return job.start, max(job.end or now, job.start + LEAST_SECONDS)


def energy_kwh(sources, slurm, job, now, username):
    """Return the energy of a job that has started: as measured, else as Slurm has it, else None.

    The mean power of each node times the hours that the job had it, as redfish_exporter and the
    exporters of cores and GPUs tell it. Asks the open SlurmDatabase if these do not, or not of all
    of its nodes. username: as power_expression has it. Read-only.
    """
    configuration, source = sources.configuration, sources.metrics
    if source is not None and configuration.has_exporter("redfish_exporter"):
        step = rate_window(configuration.sampling_seconds("redfish_exporter"))
        power = {"power": power_expression(configuration, [job], username)}
        start, end = span_of(job, now)
        series = measured(source, power, start, end, step)["power"]
        if series and len(series) >= (len(job.nodes) or job.node_count):
            return energy.kwh(series, job.held_seconds(now) / HOUR_SECONDS)
    joules = slurm.energy_joules(job)
    return joules / (1000 * HOUR_SECONDS) if joules else None


def power_expression(configuration, jobs, username):
    """Return the expression of the power of jobs, all of them with GPUs or all without.

    username: whose jobs they are, "" or None for not asking for it; see measures.owned.
    """
    settings = configuration.prometheus
    nodes = list(dict.fromkeys(node for job in jobs for node in job.nodes))
    hosts = node_names(nodes, settings.node_domain)
    chassis = node_names(nodes, settings.oob_suffix + settings.node_domain)
    watts = energy.gpu_job_watts if jobs[0].gpu_count else energy.cpu_job_watts
    whose = {"slurmjobid": any_of(job.job_id for job in jobs), **owned(username)}
    return watts(settings, whose, hosts, chassis)
