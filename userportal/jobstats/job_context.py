"""What the graphs of one or several jobs have in common: which jobs, which nodes, which labels."""

import dataclasses
from typing import Any

from userportal.jobfacts.measures import owned
from userportal.metrics.expression import Pattern, any_of, metric, node_names
from userportal.metrics.naming import short_node
from userportal.metrics.window import rate_window


@dataclasses.dataclass(frozen=True)
class JobContext:
    """The jobs of a page, and how the metrics of this site are labelled."""

    jobs: tuple  # of userportal.slurm.model.Job, one at least
    configuration: Any  # the portal's Configuration
    gpu_models: Any  # userportal.analysis.gpus: what is known of a model
    username: str = ""  # whose jobs: numbers are used again, also by others; "": not asked for
    own_cores: frozenset = frozenset()  # see node_graphs.own_cores
    step_seconds: int = 0  # between the points of the graph

    @property
    def job_ids(self):
        """Return the pattern of the label that names a job."""
        return any_of(job.job_id for job in self.jobs)

    def of_jobs(self, name, **labels):
        """Return the selector of a metric of these jobs, not of others with their numbers."""
        return metric(name, slurmjobid=self.job_ids, **owned(self.username), **labels)

    def lustre_of_jobs(self, name, **labels):
        """Return the same of a metric of Lustre, where the label of jobs is another."""
        return metric(name, jobid=self.job_ids, **owned(self.username), **labels)

    @property
    def is_set(self):
        """Tell whether there are several jobs."""
        return len(self.jobs) > 1

    @property
    def nodes(self):
        """Return the names of all nodes, each once."""
        return list(dict.fromkeys(node for job in self.jobs for node in job.nodes))

    @property
    def host_label(self):
        """Return the name of the label that names the node."""
        return self.configuration.prometheus.host_label

    def on_nodes(self):
        """Return the condition that a series is of one of the nodes, as a keyword of metric."""
        return {self.host_label: self.node_pattern()}

    def node_pattern(self, suffix="") -> Pattern:
        """Return the pattern of the nodes in the label of hosts; the suffix comes first."""
        return node_names(self.nodes, suffix + self.configuration.prometheus.node_domain)

    def seconds(self, exporter):
        """Return the window of a rate over an exporter's samples."""
        return rate_window(self.configuration.sampling_seconds(exporter))

    def step_or_seconds(self, exporter):
        """Return the window of a rate that leaves no time between two points out."""
        return max(self.step_seconds, self.seconds(exporter))

    @property
    def places(self):
        """Return how many nodes the jobs have, one of two jobs counted twice."""
        return sum(len(job.nodes) for job in self.jobs)

    @property
    def cores(self):
        """Return the requested cores of all jobs."""
        return sum(job.cores or 0 for job in self.jobs)

    @property
    def gpu_count(self):
        """Return the GPUs of all jobs."""
        return sum(job.gpu_count or 0 for job in self.jobs)

    @property
    def most_gpus(self):
        """Return the GPUs of the job that has most."""
        return max(job.gpu_count for job in self.jobs)

    def gpu_model_of(self, labels):
        """Return the model of a series' GPU: as the metrics say, else as Slurm does, or None."""
        return labels.get("gpu_type") or next(
            (job.gpu_model for job in self.jobs if job.gpu_model), None
        )

    def named(self, title):
        """Return a function that names a series: [job] title [node], as far as there are several.

        title is a text, or a function of the series' labels.
        """
        has_nodes = len(self.nodes) > 1

        def name(labels):
            parts = [title if isinstance(title, str) else title(labels)]
            if self.is_set:
                parts.insert(0, labels.get("slurmjobid") or labels.get("jobid", ""))
            if has_nodes and self.host_label in labels:
                parts.append(short_node(labels[self.host_label]))
            return " ".join(part for part in parts if part)

        return name
