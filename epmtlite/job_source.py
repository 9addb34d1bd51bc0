"""Read one job, from a directory or an archive, up to the point where it can be stored."""

import logging
import os

from epmtlite.collect.archive import open_job
from epmtlite.facts import facts_of
from epmtlite.load import ReadJob
from epmtlite.reading import Processes

logger = logging.getLogger(__name__)


def read_job(path, settings, cluster, is_wanted=lambda facts: True):
    """Return the ReadJob of a directory or an archive, None unless is_wanted(its Facts).

    Its processes are read only if it is wanted; close them. Raises CollectError.
    """
    with open_job(path, settings.input_pattern) as source:
        facts = facts_of(source.metadata, settings, os.environ)
        if not is_wanted(facts):
            return None
        processes = Processes(facts.start, facts.end)
        try:
            add_files(source, processes, path)
            return ReadJob(cluster, facts, processes, processes.build_tree())
        except BaseException:
            processes.close()
            raise


def add_files(source, processes, path):
    """Read all data files of a job."""
    count = 0
    for count, (name, _kind, host, records) in enumerate(source.files(), 1):  # noqa: B007
        processes.add_file(source.shown(name), host, records)
    if not count:
        logger.warning("%s has no data files: a job without processes", path)
