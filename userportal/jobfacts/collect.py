"""Ask every source that is configured what it knows of a job; one that fails costs no other."""

import dataclasses
import logging
from typing import Any, Optional

from usagedb import errors
from userportal.analysis.facts import Facts
from userportal.jobfacts import energy
from userportal.jobfacts.assemble import facts_of_row, measured_fields
from userportal.jobfacts.measures import Labels, job_expressions, measured, whole_node_expressions
from userportal.metrics.expression import any_of, node_names
from userportal.slurm import script as scripts

logger = logging.getLogger(__name__)

HOUR_SECONDS = 3600
LEAST_SECONDS = 60  # a shorter window of the metrics holds nothing


@dataclasses.dataclass(frozen=True)
class Known:
    """All that is known of a job, and why the rest is not."""

    job: Any  # userportal.slurm.Job
    facts: Facts
    prerequisites: tuple = ()  # userportal.slurm.Prerequisite
    dependents: tuple = ()  # jobs that wait for this one
    script: Optional[str] = None
    failures: dict = dataclasses.field(default_factory=dict)  # source -> UsageDBError


class Collector:
    """Asks the sources of one portal; what it finds of many jobs is asked job by job."""

    def __init__(self, sources, gpu_models, username_of, script_of=None):
        """gpu_models: userportal.analysis.gpus; username_of(uid) -> name or None; script_of(job_id)
        returns the script that the collector of scripts has sent, or None.
        """
        self.sources, self.gpu_models = sources, gpu_models
        self.username_of, self.script_of = username_of, script_of or (lambda job_id: None)

    def collect(self, slurm, job, now):
        """Return what is Known of a job of the open SlurmDatabase. Read-only."""
        cluster = self.sources.configuration.portal.cluster
        failures: dict = {}
        facts = facts_of_row(job, now, self.username_of(job.user_id), cluster)
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
            fields.update(self.measure(job, now))
        except errors.UsageDBError as error:
            logger.info("metrics of job %s: %s", job.job_id, error)
            failures["metrics"] = error
        known = {name: value for name, value in fields.items() if value is not None}
        facts = dataclasses.replace(facts, **known)
        return Known(job, facts, prerequisites, dependents, text, failures)

    def script_text(self, slurm, job):
        """Return the job's script: that of Slurm's own table, else the one that was sent."""
        found = slurm.script(job)
        if not found:
            found = self.script_of(job.array_job_id or job.job_id)
        return found[: self.sources.configuration.limits.script_characters] if found else None

    def measure(self, job, now):
        """Return the fields of Facts that the metrics tell; {} without a source or before start."""
        configuration, source = self.sources.configuration, self.sources.metrics
        if source is None or job.start is None:
            return {}
        labels = Labels(configuration.prometheus.host_label)
        end = max(job.end or now, job.start + LEAST_SECONDS)
        elapsed_seconds = job.elapsed_seconds(now)
        expressions = job_expressions(job.job_id, configuration.sampling_seconds, labels)
        if configuration.has_exporter("redfish_exporter"):
            expressions["power"] = power_expression(configuration, [job])
        if configuration.has_exporter("node_exporter"):
            nodes = node_names(job.nodes, configuration.prometheus.node_domain)
            expressions.update(whole_node_expressions(nodes, labels))
        series = measured(
            source,
            expressions,
            job.start,
            end,
            configuration.sampling_seconds("slurm_job_exporter"),
        )
        fields = measured_fields(series, elapsed_seconds, labels, self.gpu_models.memory_bytes)
        fields["energy_kwh"] = energy.kwh(series.get("power"), elapsed_seconds / HOUR_SECONDS)
        if fields["energy_kwh"] is None and job.energy_joules:
            fields["energy_kwh"] = job.energy_joules / (1000 * HOUR_SECONDS)
        return fields


def power_expression(configuration, jobs):
    """Return the expression of the power of jobs, all of them with GPUs or all without."""
    settings = configuration.prometheus
    nodes = list(dict.fromkeys(node for job in jobs for node in job.nodes))
    hosts = node_names(nodes, settings.node_domain)
    chassis = node_names(nodes, settings.oob_suffix + settings.node_domain)
    watts = energy.gpu_job_watts if jobs[0].gpu_count else energy.cpu_job_watts
    return watts(settings, any_of(job.job_id for job in jobs), hosts, chassis)
