"""One run of the collector: collect, put into the outbox, send."""

import contextlib
import logging
import time
from typing import Any

from afcollect import output, state_dir
from afcollect.collect import OVERLAP_SECONDS, Collector, Settings
from afcollect.outbox import NoOutbox
from afcollect.secrets import secret
from usagedb import errors
from usagedb.locks import only_one
from usagedb.runs import recorded

logger = logging.getLogger(__name__)

COMMAND = "afmetrics_collector"
PARTS = ("ssh", "ssh_history", "host", "batch", "jupyter")
PLAIN = (
    "cluster", *PARTS, "namespace", "label", "mounts", "queues", "batch_system", "group",
    "obfuscate_users", "hash_name", "obfuscate_hosts", "host_template",
)  # fmt: skip
SOME_FAILED = 3


def run(debug, to_stdout, options):
    """Run once; return the exit status. Raises what usagedb.errors has when nothing can be sent."""
    if options["queues"] and not options["batch"]:
        raise errors.UsageError("-q sums up jobs: it needs -b")
    if not options["cluster"]:
        raise errors.UsageError("-c needs a name")
    if not any(options[part] for part in PARTS):
        raise errors.UsageError("nothing to collect: give -s, -S, -b, -j or --host")
    settings = settings_of(options)
    if debug or to_stdout:
        return show(settings, to_stdout, debug, options["state_dir"])
    endpoint, token = endpoint_and_token(options)
    outbox = state_dir.open_outbox(options["state_dir"])
    if isinstance(outbox, NoOutbox):
        return send_directly(settings, outbox, endpoint, token, options)
    with only_one(outbox.database, COMMAND, options["wait_seconds"]):
        with recorded(outbox.database, COMMAND) as this_run:
            status = collect_and_send(settings, outbox, endpoint, token, options, this_run)
            this_run.exit_code = status
        outbox.forget_runs(time.time())
    outbox.close()
    return status


def settings_of(options):
    """Return the Settings that the options say."""
    salt = secret(options["salt"], options["salt_file"], "AFMETRICS_SALT")
    if options["obfuscate_users"] and not salt:
        logger.warning(
            "-o without a salt: whoever knows names of users finds them; give --salt-file"
        )
    return Settings(salt=salt, **{name: options[name] for name in PLAIN})


def endpoint_and_token(options):
    """Return the Endpoint and the token. Raises UsageError and more."""
    from afcollect.endpoint import Endpoint

    token = secret(options["token"], options["token_file"], "AFMETRICS_TOKEN")
    if not token:
        raise errors.UsageError("no token: give --token-file, $AFMETRICS_TOKEN or -t")
    return Endpoint(options["url"], options["ca_file"], options["insecure_http"]), token


def show(settings, to_stdout, debug, directory):
    """Collect, and write what was found to files or stdout; send nothing and change nothing."""
    state: dict = {}
    reported_of: Any = no_job
    with contextlib.ExitStack() as stack:
        try:
            outbox = state_dir.existing_outbox(directory)
        except state_dir.NOT_HERE as error:
            logger.info("nothing is known of earlier runs: %s", error)
            outbox = None
        if outbox:
            stack.callback(outbox.close)
            state, reported_of = outbox.state(), outbox.reported
        found = Collector(settings, time.time(), state, reported_of).run()
    if to_stdout:
        output.print_documents(found.documents)
    if debug:
        for path in output.write_files(found.documents):
            logger.info("wrote %s", path)
    return tell_failures(found.failures)


def no_job(_system):
    """Return which finished jobs of a batch system were reported where nobody knows: none."""
    return set()


def tell_failures(failures):
    """Say what failed, a line each; return the exit status."""
    for failure in failures:
        logger.warning("%s", failure)
    return SOME_FAILED if failures else 0


def collect_and_send(settings, outbox, endpoint, token, options, this_run):
    """Collect into the outbox, and send what it holds; return the exit status."""
    now, started = time.time(), time.monotonic()
    newest_before = outbox.last_number()
    found = Collector(settings, now, outbox.state(), outbox.reported).run()
    documents = [document for _part, document in found.documents]
    try:
        outbox.add(documents, now, found.state, found.reported)
    except errors.WriteError as error:
        logger.warning("not in the outbox, what is not sent now is lost: %s", error)
        return send_held(found.documents, now, NoOutbox(), endpoint, token, options)
    for key in found.state:
        if key.startswith("finished."):
            outbox.forget_reported(key.partition(".")[2], now - 2 * OVERLAP_SECONDS)
    status = tell_failures(found.failures)
    dropped = outbox.drop_oldest(options["outbox_max"])
    if dropped:
        logger.warning("the outbox is full: the %d oldest documents were dropped", dropped)
        status = SOME_FAILED
    this_run.stored, this_run.ignored = len(documents), dropped
    try:
        status = send(outbox, endpoint, token, options, newest_before, started) or status
    finally:
        this_run.waiting, this_run.rejected = outbox.counts()
    return status


def send(outbox, endpoint, token, options, newest_before=0, started=None):
    """Send what the outbox holds; return the exit status.

    started is when the run began, by time.monotonic.

    Raises UnavailableError, RefusedError or ConfigurationError when the endpoint takes no more.
    """
    from afcollect.delivery import Delivery

    delivery = Delivery(outbox, endpoint, token, newest_before, options["batch_posts"], started)
    try:
        delivery.run()
    finally:
        endpoint.close()
        waiting = outbox.counts()[0]
        logger.info(
            "%d documents sent, %d set aside, %d waiting", delivery.sent, delivery.aside, waiting
        )
    return SOME_FAILED if delivery.aside else 0


def send_directly(settings, outbox, endpoint, token, options):
    """Send without an outbox; return the exit status, which is never 0."""
    now = time.time()
    found = Collector(settings, now, {}, no_job).run()
    tell_failures(found.failures)
    return send_held(found.documents, now, outbox, endpoint, token, options)


def send_held(documents, now, outbox, endpoint, token, options):
    """Send (part, document) pairs that a NoOutbox holds; return the exit status, never 0."""
    outbox.add([document for _part, document in documents], now, {})
    try:
        send(outbox, endpoint, token, options)
    finally:
        lost = outbox.counts()[0]
        if lost:
            logger.warning("%d documents are lost", lost)
    return SOME_FAILED
