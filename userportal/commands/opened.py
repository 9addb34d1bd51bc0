"""What the shell commands open: the configuration's sources, people, rules and GPU models."""

import functools

from usagedb import errors
from userportal.access.owners import owner, owners_of, usages_by_owner
from userportal.analysis import gpus, rules
from userportal.commands.sent_scripts import sent_scripts
from userportal.configuration import find_configuration
from userportal.jobfacts.collect import Collector
from userportal.people import people_for
from userportal.sources import Sources


class Opened:
    """One portal as a shell command uses it; needs Django for sent scripts alone."""

    def __init__(self):
        """Read the configuration. Raises ConfigurationError or RefusedError."""
        self.configuration = find_configuration()
        if self.configuration.slurm.conf_file is None:
            raise errors.ConfigurationError(
                f"{self.configuration.source}: [slurm] conf_file names no database: "
                "see userportal/README.md"
            )
        self.sources = Sources(self.configuration)

    @functools.cached_property
    def people(self):
        """The People of this portal."""
        return people_for(self.configuration)

    @functools.cached_property
    def rules(self):
        """The rules of the analysis."""
        return rules.read(self.configuration.files.rules)

    @functools.cached_property
    def collector(self):
        """The Collector of facts."""
        models = gpus.read(self.configuration.files.gpus)
        sent = sent_scripts(self.configuration)
        return Collector(self.sources, models, sent)

    def name_of_usage(self, usage):
        """Return whose a UserUsage is, or the uid as a text."""
        return owner(self.people, usage.name, usage.user_id) or str(usage.user_id)

    def largest_users(self, slurm, start, end, account=None):
        """Return all UserUsages of a window, the largest first, one of each owner."""
        found = slurm.largest_users(start, end, account)
        return usages_by_owner(self.people, found)

    def user_id(self, slurm, username):
        """Return the uid of a user; of one who left, by the newest job.

        Raises MissingInputError for an unknown one.
        """
        found = self.people.uid_of(username)
        if found is None:
            found = slurm.user_id(username)
        if found is None:
            raise errors.MissingInputError(f"no user {username} is known")
        return found

    def owners(self, slurm, jobs):
        """Return {row's number: name of the owner, or the uid as a text} of jobs."""
        found = owners_of(slurm, self.people, jobs)
        return {job.db_index: found[job.db_index] or str(job.user_id) for job in jobs}
