"""All that the portal asks of slurmdbd's database, in one class."""

from userportal.slurm.length_queries import LengthQueries
from userportal.slurm.node_queries import NodeQueries
from userportal.slurm.running_queries import RunningQueries


class SlurmDatabase(LengthQueries, NodeQueries, RunningQueries):
    """The jobs, accounts and nodes of one cluster; read-only, and every answer is bounded.

    Made of an open usagedb Database and the cluster's name. Each question may raise
    UnavailableError, RefusedError, or ConfigurationError if there is no such cluster.
    """
