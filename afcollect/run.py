"""One run of the collector: collect, put into the outbox, send."""

import contextlib
import logging
import time
from typing import Any, NamedTuple

from afcollect import output, state_dir
from afcollect.collect import Collector, Settings
from afcollect.collection import Collection, tell
from afcollect.no_outbox import NoOutbox, only_process
from afcollect.schema import COLLECTOR
from afcollect.secrets import Secret
from usagedb import errors
from usagedb.dates import iso_time
from usagedb.locks import only_one
from usagedb.runs import recorded

logger = logging.getLogger(__name__)

PARTS = ("ssh", "ssh_history", "host", "batch", "jupyter")
PLAIN = (
    "cluster", *PARTS, "namespace", "label", "mounts", "queues", "batch_system", "group",
    "obfuscate_users", "hash_name", "obfuscate_hosts", "host_template",
)  # fmt: skip


class Target(NamedTuple):
    """Where documents go, and how."""

    endpoint: Any
    token: Secret
    batch_format: str  # None, array or ndjson
    outbox_most: int  # documents


def run(debug, to_stdout, options):
    """Run once; return the exit status. Raises what usagedb.errors has when nothing can be sent."""
    if options["queues"] and not options["batch"]:
        raise errors.UsageError("-q sums up jobs: it needs -b")
    if not options["cluster"]:
        raise errors.UsageError("-c needs a name")
    if not any(options[part] for part in PARTS):
        raise errors.UsageError("nothing to collect: give -s, -S, -b, -j or --host")
    token = Secret(options["token"], options["token_file"], "AFMETRICS_TOKEN")
    settings = settings_of(options)
    if debug or to_stdout:
        return show(settings, to_stdout, debug, options["state_dir"])
    target = target_of(options, token)
    outbox = state_dir.open_outbox(options["state_dir"])
    try:
        return run_with(outbox, settings, target, options["wait_seconds"])
    except errors.DamagedError as error:  # found only when that part of it was read
        state_dir.put_away(outbox.path.parent, error)
    outbox = state_dir.open_outbox(options["state_dir"])
    return run_with(outbox, settings, target, options["wait_seconds"])


def run_with(outbox, settings, target, wait_seconds):
    """Run with an outbox, or without one; return the exit status."""
    with contextlib.closing(outbox), only_run(outbox, wait_seconds):
        if isinstance(outbox, NoOutbox):
            return collect_and_send(Collection(settings, outbox, outbox), target)
        return recorded_run(settings, outbox, target)


def settings_of(options):
    """Return the Settings that the options say."""
    secret = Secret(options["salt"], options["salt_file"], "AFMETRICS_SALT")
    salt = problem = ""
    if options["obfuscate_users"]:
        try:
            salt = secret.read()
        except errors.UsageDBError as error:
            problem = f"there is no salt: {error}"
        if not (salt or problem):
            logger.warning(
                "-o without a salt: whoever knows names of users finds them; give --salt-file"
            )
    plain = {name: options[name] for name in PLAIN}
    return Settings(salt=salt, salt_problem=problem, **plain)


def target_of(options, token=None):
    """Return the Target that the options name. Raises UsageError."""
    from afcollect.endpoint import Endpoint

    token = token or Secret(options["token"], options["token_file"], "AFMETRICS_TOKEN")
    if not token.is_named:
        raise errors.UsageError("no token: give --token-file, $AFMETRICS_TOKEN or -t")
    endpoint = Endpoint(options["url"], options["ca_file"], options["insecure_http"])
    return Target(endpoint, token, options["batch_posts"], options["outbox_max"])


def only_run(outbox, wait_seconds):
    """Return a block that only one run at a time is in."""
    if isinstance(outbox, NoOutbox):
        return only_process(COLLECTOR, wait_seconds)
    return only_one(outbox.database, COLLECTOR, wait_seconds)


def show(settings, to_stdout, debug, directory):
    """Collect, and write what was found to files or stdout; send nothing and change nothing."""
    with contextlib.ExitStack() as stack:
        known: Any = NoOutbox()
        try:
            known = state_dir.existing_outbox(directory) or known
        except state_dir.NOT_HERE as error:
            logger.info("nothing is known of earlier runs: %s", error)
        stack.callback(known.close)
        found = Collector(settings, time.time(), known.state(), known.reported).run()
    if to_stdout:
        output.print_documents(found.documents)
    if debug:
        for path in output.write_files(found.documents):
            logger.info("wrote %s", path)
    return tell(found.failures)


def recorded_run(settings, outbox, target):
    """Run with an outbox, and leave a row of it there; return the exit status."""
    host = "" if settings.obfuscate_hosts else None  # which is what they are not to be called
    with contextlib.ExitStack() as stack:
        try:
            this_run = stack.enter_context(recorded(outbox.database, COLLECTOR, host))
        except errors.WriteError as error:
            logger.warning("what waits is not sent before there is room to note it: %s", error)
            return collect_and_send(Collection(settings, outbox, NoOutbox()), target)
        collection = Collection(settings, outbox, outbox, this_run.run_id)
        try:
            this_run.exit_code = collect_and_send(collection, target)
        finally:
            this_run.stored, this_run.ignored = collection.stored, collection.dropped
            this_run.waiting, this_run.rejected = outbox.counts()
    with contextlib.suppress(errors.WriteError):
        outbox.forget_runs(time.time())
    return this_run.exit_code


def collect_and_send(collection, target):
    """Collect, and send what waits; return the exit status.

    Raises what usagedb.errors has when nothing can be sent.
    """
    from afcollect.delivery import waits_until

    status = collection.run()
    held, outbox = collection.held, collection.outbox
    try:
        waits = waits_until(collection.collector.state, target.endpoint.shown, time.time())
        for one in (held, outbox) if sum(held.counts()) else (outbox,):
            if waits and one is collection.known:
                until = iso_time(waits, "seconds")
                raise errors.UnavailableError(
                    f"{target.endpoint.shown} asked to be left alone until {until}: documents wait"
                )
            newest_before = collection.newest_before if one is outbox else 0
            status = send(one, target, newest_before, collection.started) or status
    finally:
        status = collection.drop_oldest(target.outbox_most) or status
        lost = sum(sum(one.counts()) for one in {held, outbox} if isinstance(one, NoOutbox))
        if lost:
            logger.warning("%d documents are lost", lost)
    return errors.PARTLY if isinstance(outbox, NoOutbox) else status


def send(outbox, target, newest_before=0, started=None):
    """Send what an outbox holds; return the exit status.

    started is when the run began, by time.monotonic. Raises UnavailableError, RefusedError,
    ConfigurationError or MissingInputError when nothing more can be sent.
    """
    from afcollect.delivery import Delivery

    token = target.token.read()
    delivery = Delivery(outbox, target.endpoint, token, newest_before, target.batch_format, started)
    try:
        delivery.run()
    finally:
        target.endpoint.close()
        logger.info(
            "%d documents sent, %d set aside, %d waiting",
            delivery.sent, delivery.aside, outbox.counts()[0],
        )  # fmt: skip
    return errors.PARTLY if delivery.aside else 0
