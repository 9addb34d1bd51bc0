"""Run the collector, once or until a signal comes."""

import dataclasses
import logging
import time

from usagedb import errors
from userportal.jobscripts.collector import Collector
from userportal.jobscripts.portal import Kind, Portal
from userportal.jobscripts.scripts import SETTLE_SECONDS
from userportal.jobscripts.state import State

logger = logging.getLogger(__name__)


def run(settings):
    """Collect scripts; returns when a signal comes, or after one round with settings.once.

    Raises UnavailableError if another collector runs, or if scripts wait after that round;
    RefusedError if the portal refuses them; ConfigurationError, MissingInputError or WriteError.
    """
    settings.read_token()
    if settings.is_open_to_listeners:
        logger.warning("%s: the token goes there for everybody to hear: use https", settings.host)
    portal = Portal(settings)
    state = State(settings.state, settings.kept_megabytes * 1_000_000)
    try:
        collector = Collector(settings, state, portal)
        if settings.once:
            collect_once(collector)
        else:
            collect(collector)
    except errors.RunInterrupted as error:
        if settings.once:
            raise
        logger.info("ended by signal %d; %d scripts wait", error.signal_number, state.counts()[0])
    finally:
        state.close()
        portal.close()


def collect(collector):
    """Collect until a signal. Raises RunInterrupted then."""
    interval_seconds = collector.settings.interval_seconds
    logger.info("every %g s: %s", interval_seconds, collector.settings.spool)
    while True:
        began = time.monotonic()
        collector.round()
        time.sleep(max(0.0, interval_seconds - (time.monotonic() - began)))


def collect_once(collector):
    """Collect what is there now. Raises what run() says."""
    spool = collector.settings.spool
    if not spool.is_dir():
        raise errors.MissingInputError(f"{spool} is no directory: see [slurm] spool")
    is_all = collector.round()
    if collector.unsettled:
        time.sleep(SETTLE_SECONDS)
        is_all = collector.round()
    if is_all:
        return
    waiting, answer = collector.state.counts()[0], collector.last_answer
    text = f"{waiting} scripts wait: {answer.text if answer else 'they cannot be read'}"
    if answer and answer.kind in (Kind.DENIED, Kind.BARRED):
        raise errors.RefusedError(text)
    raise errors.UnavailableError(text)


def once(settings):
    """Return the Settings for one round."""
    return dataclasses.replace(settings, once=True)
