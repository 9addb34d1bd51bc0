"""What went wrong in a run of a loader: each thing is told, nothing ends the run, all of it counts
for the exit status."""

import logging

from usagedb import errors

logger = logging.getLogger(__name__)

MISSING_INPUT = errors.MissingInputError.exit_code
# Any user can make as many unreadable files as he likes: no more lines than these for them.
MOST_TOLD = 20


class Outcome:
    """Collects what went wrong."""

    def __init__(self):
        self.problems = 0  # inputs that could not be read
        self.first_problem = ""
        self.closed = 0  # files and directories of users that this account may not read
        self.kept_files = 0  # stored, but they could not be removed
        self.first_refusal = None  # UsageDBError: why
        self.time_limit_seconds = 0  # over which the run was
        self._told = 0

    def note(self, problem):
        """Take in a Problem."""
        self._tell(problem.text)
        if problem.status == MISSING_INPUT:
            self.problems += 1
            self.first_problem = self.first_problem or problem.text
        elif problem.status:
            self.closed += 1

    def refuse(self, error, files):
        """Take in that so many files that are stored could not be removed for a UsageDBError."""
        self._tell(str(error))
        self.kept_files += files
        self.first_refusal = self.first_refusal or error

    def _tell(self, text):
        self._told += 1
        logger.log(logging.WARNING if self._told <= MOST_TOLD else logging.INFO, "%s", text)
        if self._told == MOST_TOLD + 1:
            logger.warning("and more: -v tells all")

    def status(self):
        """Tell the errors in a line each; return the exit status for all of it but the rejects."""
        found = []
        if self.first_refusal:
            found.append(self.first_refusal.exit_code)
            text = f"{self.kept_files} files are stored and could not be removed"
            logger.error("Error: %s: %s", text, self.first_refusal)
        if self.problems:
            found.append(MISSING_INPUT)
            more = f"{self.problems} inputs could not be read, the first: "
            logger.error("Error: %s%s", more if self.problems > 1 else "", self.first_problem)
        if self.time_limit_seconds:
            found.append(errors.UnavailableError.exit_code)
            text = "Error: stopped after %s seconds (--timeout): the next run loads the rest"
            logger.error(text, self.time_limit_seconds)
        if self.closed:
            found.append(errors.PARTLY)
        return found[0] if found else 0
