"""The command epmt daemon: start, stop, and what it is doing."""

import contextlib
import logging
import os
import signal
import socket
import stat
import time
from pathlib import Path
from typing import NamedTuple

from epmtlite import connection
from epmtlite.collect import console, errors
from epmtlite.collect.console import print_line
from epmtlite.daemon import lock as locks

logger = logging.getLogger(__name__)

NOT_RUNNING = 255  # as EPMT has it
START_HINT = "EPMT daemon not running, start with: epmt daemon -s"
# An archive that has not changed for so long is whole, or at least of that size.
SETTLE_SECONDS = 5.0
WIDTH = 10


class NotRunning(errors.CollectError):
    """There is no daemon to be stopped."""

    exit_code = NOT_RUNNING


class Work(NamedTuple):
    """What a daemon does."""

    ingest: str  # directory, or ''
    analyze: bool
    retire: bool

    def describe(self):
        """Return it for people."""
        parts = [f"ingest {self.ingest}"] * bool(self.ingest)
        parts += ["analyze"] * self.analyze + ["retire"] * self.retire
        return ", ".join(parts) or "none"


def run(options):
    """Carry the command out; return the exit status."""
    config = absolute(connection.database_config(options.settings, options.conf_path))
    if not (options.start or options.foreground):
        if is_any_work(options):
            raise errors.UsageError("say -s or -D with what the daemon is to do")
        return stop(config) if options.stop else status(config)
    work = work_of(options)
    if options.foreground:
        return serve(config, options, work, lambda: None)
    from epmtlite.daemon import background

    facts = locks.holder(config)
    if facts:
        raise locks.another(facts)

    def go_on(ready):
        def ready_to_log():
            ready()
            set_up_logging(options)

        return serve(config, options, work, ready_to_log)

    background.start(go_on)
    return 0


def absolute(config):
    """Return the DatabaseConfig for a process that changes its directory."""
    names = ["socket", "ssl_ca", "ssl_cert", "ssl_key"]
    names += ["database"] * (config.backend == "sqlite")
    paths = {name: getattr(config, name) for name in names}
    return config.replaced(
        **{name: os.path.abspath(path) for name, path in paths.items() if path}  # noqa: PTH100
    )


def set_up_logging(options):
    """Log to the logfile of the settings alone, stderr being /dev/null."""
    from epmtlite.command import share_log

    console.set_up_logging(options.verbosity, options.settings.logfile)
    share_log()


# what there is to do


def is_any_work(options):
    """Tell whether an option says what the daemon does."""
    return bool(
        options.ingest is not None or options.post_process or options.no_analyze or options.retire
        or options.keep or options.move_away or options.recursive
    )  # fmt: skip


def work_of(options):
    """Return the Work that the options mean.

    Raises UsageError, ConfigurationError, or MissingError for a directory that is not there.
    """
    if options.no_analyze and not options.post_process:
        raise errors.UsageError("--no-analyze goes with --post-process")
    if options.ingest is None and (options.keep or options.move_away or options.recursive):
        raise errors.UsageError("-k, -m and -r go with --ingest")
    settings = options.settings
    if options.retire and max(settings.retire_jobs_ndays, settings.retire_models_ndays) <= 0:
        raise errors.UsageError(
            "nothing is to be retired: retire_jobs_ndays and retire_models_ndays are 0"
        )
    for key in ("ingest_failed_dir", "logfile"):
        if getattr(settings, key):
            setattr(settings, key, os.path.abspath(getattr(settings, key)))  # noqa: PTH100
    ingest = ingest_directory(options)
    is_default = not (ingest or options.post_process or options.retire)
    analyze = is_default or (options.post_process and not options.no_analyze)
    return Work(ingest, analyze, options.retire)


def ingest_directory(options):
    """Return the absolute path of the directory to be ingested, '' for none."""
    if options.ingest is None:
        return ""
    path = os.path.abspath(options.ingest or options.settings.stage_command_dest)  # noqa: PTH100
    if not os.path.isdir(path):  # noqa: PTH112
        raise errors.MissingError(f"{path} is no directory: nothing can be ingested from it")
    failed = options.settings.ingest_failed_dir
    if not os.path.isdir(failed):  # noqa: PTH112
        raise errors.ConfigurationError(f"ingest_failed_dir is no directory: {failed}")
    # Where everyone can write, what failed goes into a directory below.
    if Path(path).samefile(failed) and not Path(path).stat().st_mode & stat.S_IWOTH:
        raise errors.ConfigurationError(f"ingest_failed_dir is what is ingested: {path}")
    return path


# status and stop


def status(config):
    """Print whether a daemon runs, and what it does; return the exit status."""
    facts = locks.holder(config)
    if facts is None:
        print_line(START_HINT)
        return NOT_RUNNING
    print_line(f"EPMT daemon running PID {facts['pid']}")
    for name, text in lines_of(facts):
        print_line(f"{name.ljust(WIDTH)}{text}")
    return 0


def lines_of(facts):
    """Yield (name, text) of what a daemon tells of itself."""
    yield "host", facts["host"]
    if "since" in facts:  # else it is just about to begin
        yield "since", moment_text(facts["since"])
        yield "database", facts["database"]
        yield "work", facts["work"]
    if "done" in facts:
        from epmtlite.daemon.steps import Tally

        yield "done", Tally(**facts["done"]).describe()
        yield "last", moment_text(facts["last_work"])
    if facts.get("database_trouble"):
        yield "waits", f"the database is away: {facts['database_trouble']}"
    for name, text in facts.get("troubles", {}).items():
        yield "waits", f"{name}: {text}"


def moment_text(seconds):
    """Return a moment as people read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))


def stop(config):
    """Ask the daemon to end, and wait until it has; return the exit status.

    Raises NotRunning, RefusedError, or UsageError if it runs on another machine.
    """
    facts = locks.holder(config)
    if facts is None:
        raise NotRunning("EPMT daemon not running")
    if facts["host"] != socket.gethostname():
        raise errors.UsageError(f"the daemon runs on {facts['host']}: stop it there")
    try:
        os.kill(facts["pid"], signal.SIGUSR1)
    except ProcessLookupError:  # it has just ended
        return 0
    except PermissionError as error:
        raise errors.RefusedError(f"cannot stop PID {facts['pid']}: {error.strerror}") from error
    locks.wait_for_end(config)
    return 0


# the daemon itself


def serve(config, options, work, ready):
    """Take the lock, call ready() once all is as it should be, and work until a signal comes.

    Returns the exit status. Raises UnavailableError if there is a daemon already,
    ConfigurationError or RefusedError.
    """
    from epmtlite.daemon import rounds
    from epmtlite.daemon.signals import Signals

    lock = locks.take(config)
    with Signals() as signals:
        link = rounds.Link(config)
        link.open()
        steps = steps_of(config, options, work, link, signals)
        pause = next((one.pause_seconds for one in steps if one.name == "ingest"), lambda: None)

        def tell(facts):
            with contextlib.suppress(OSError):  # a full disk: the status is an old one
                lock.tell(**facts)

        tell({
            "since": time.time(), "database": config.describe(), "work": work.describe(),
            "database_trouble": link.trouble,
        })  # fmt: skip
        ready()
        logger.info("daemon PID %d: %s", os.getpid(), work.describe())
        rounds.Daemon(link, steps, signals, options.interval, pause, tell).run()
        logger.info("daemon PID %d ends, asked by signal %d", os.getpid(), signals.asked)
        lock.close()
    return 0


def steps_of(config, options, work, link, signals):
    """Return the steps of a round."""
    from epmtlite import submit
    from epmtlite.daemon import archives, ingest, steps
    from epmtlite.submit_command import cluster_of

    settings = options.settings
    found: list = []

    def is_asked():
        return signals.asked

    if work.ingest:
        settle_seconds = min(SETTLE_SECONDS, options.interval)
        inbox = archives.Inbox(
            work.ingest, settings.ingest_failed_dir, settle_seconds, options.recursive
        )
        remove = settings.ingest_remove_on_success and not options.keep
        how = submit.Options(cluster_of(config, options.cluster), remove=remove)
        found.append(ingest.Ingest(inbox, settings, how, link, options.interval, is_asked))
    if work.analyze:
        found.append(steps.Analyze(settings, is_asked))
    if work.retire:
        found.append(steps.Retire(settings, is_asked))
    return found
