"""Which page answers which address."""

import contextlib
import itertools
import logging
import threading

from epmtlite.collect import errors as collect_errors
from epmtlite.gui import (
    answers,
    asked,
    experiments_page,
    job_page,
    jobs_page,
    models_page,
    outliers_page,
    picture_page,
)
from epmtlite.gui.layout import FILES
from usagedb import errors

logger = logging.getLogger(__name__)

PICTURES = 2  # in memory at once
PICTURE_WAIT_SECONDS = 120.0
# Of each address: what makes the View of it, and the table of it as CSV. Those of jobs have the
# cluster and the id behind them.
PAGES = {
    "": (jobs_page.view, jobs_page.csv_table),
    "experiments": (experiments_page.experiments_view, experiments_page.experiments_table),
    "experiment": (experiments_page.experiment_view, experiments_page.csv_table),
    "outliers": (outliers_page.view, outliers_page.csv_table),
    "models": (models_page.view, models_page.table_of),
    "compare": (job_page.compare_view, None),
}
API = {
    "jobs": jobs_page.view,
    "experiments": experiments_page.experiments_view,
    "experiment": experiments_page.experiment_view,
    "outliers": outliers_page.view,
    "models": models_page.view,
}
STATUSES = (
    ((errors.MissingInputError, collect_errors.MissingError), 404),
    ((errors.UsageError, errors.MalformedInputError), 400),
    ((collect_errors.UsageError, collect_errors.MalformedError), 400),
    ((errors.UsageDBError, collect_errors.CollectError), 503),
)
TROUBLE = "The page could not be made. What happened is in the messages of epmt gui."


class Missing(errors.MissingInputError):
    """No page has this address."""


class Pages:
    """Answers requests."""

    def __init__(self, databases):
        self.databases = databases
        self.where = databases.config.describe()
        self._pictures = threading.BoundedSemaphore(PICTURES)

    def answer(self, target):
        """Return (the Answer to the target of a GET, whatever happens, what is to be closed when
        it is sent)."""
        try:
            with contextlib.ExitStack() as stack:
                found = self._begun(self._answer(asked.asked(target), stack), stack)
                return found, stack.pop_all()
        except Exception as error:
            return self._failure(target, error), contextlib.ExitStack()

    def _failure(self, target, error):
        """Return the Answer that says what is wrong; a bug is said in the log only."""
        path, is_data = target.partition("?")[0], target.startswith("/api/")
        if not isinstance(error, (errors.UsageDBError, collect_errors.CollectError)):
            logger.error("%s: %s: %s", path, type(error).__name__, error)
            logger.debug("traceback", exc_info=error)
            return answers.failure(500, TROUBLE, self.where, is_data)
        status = next((one for kinds, one in STATUSES if isinstance(error, kinds)), 500)
        log = logger.info if status < 500 else logger.warning
        log("%s: %s", path, error)
        return answers.failure(status, str(error), self.where, is_data)

    @staticmethod
    def _begun(answer, stack):
        """Return an Answer whose first text is made: what is wrong with it is known then."""
        if isinstance(answer.body, (str, bytes)):
            return answer
        texts = iter(answer.body)
        stack.callback(getattr(texts, "close", lambda: None))  # before what it reads from
        return answer._replace(body=itertools.chain([next(texts, "")], texts))

    def _answer(self, wanted, stack):
        """Return the Answer. Raises a UsageDBError for what cannot be."""
        first, *rest = wanted.parts
        if first == "static" and len(rest) == 1 and rest[0] in FILES:
            return answers.file(rest[0])
        if first == "picture" and len(rest) == 2:
            return self._picture(picture_page.job_chunks, wanted, stack, *rest)
        if first == "compare" and rest == ["picture"]:
            return self._picture(picture_page.compared_chunks, wanted, stack)
        if first == "api":
            return self._data(wanted, rest)
        if first == "job" and len(rest) == 2:
            return self._page(job_page.view, job_page.csv_table, wanted, stack, rest)
        if first in PAGES and not rest:
            return self._page(*PAGES[first], wanted, stack, [])
        raise Missing(f"There is nothing at {wanted.path}.")

    def _page(self, make, make_table, wanted, stack, names):
        if wanted.one("format") == "csv" and make_table:
            site = stack.enter_context(self.databases.lent())  # until all of it is sent
            return answers.csv(make_table(site, wanted, *names), "-".join(filter(None, names)))
        with self.databases.lent() as site:
            return answers.page(make(site, wanted, *names), self.where)

    def _data(self, wanted, rest):
        with self.databases.lent() as site:
            if rest[:1] == ["job"] and len(rest) == 3:
                return answers.data(job_page.data(site, wanted, *rest[1:]))
            if len(rest) == 1 and rest[0] in API:
                return answers.data(API[rest[0]](site, wanted))
        raise Missing(f"There is nothing at {wanted.path}.")

    def _picture(self, make, wanted, stack, *names):
        """Return the Answer with a picture, whose data are in memory until it is sent."""
        if not self._pictures.acquire(timeout=PICTURE_WAIT_SECONDS):
            raise errors.UnavailableError("other pictures are being made: try again")
        stack.callback(self._pictures.release)
        with self.databases.lent() as site:
            return answers.picture(*make(site, wanted, *names))
