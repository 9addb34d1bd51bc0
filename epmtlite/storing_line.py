"""The options of the commands of epmt that fill the database, and look after it."""

import re

from epmtlite.collect.parsing import add_command, add_quiet
from epmtlite.shared_options import add_cluster, add_database, add_dry_run, number

DAEMON_HELP = (
    "Without --ingest, --post-process and --retire it analyzes jobs. Ends with 255 where no daemon"
    " runs, as status and with -S; with 75 where one is to be started and one runs already. HUP,"
    " TERM, QUIT, INT and USR1 end it when the archive in work is done, a second one at once."
    " Example: epmt daemon -s --ingest /var/spool/epmt --post-process --retire"
)
WAIT_SECONDS = 60.0
INTERVAL_SECONDS, SHORTEST_INTERVAL_SECONDS = 60.0, 0.05  # of the daemon
# Of submit: -p, also behind others that have no value; what is a number behind it, and which of
# them can be; and the word for as many as there are processors.
NUM_CPUS = re.compile("--num-cpus|-[efmnqrv]*p")
NUMBER = re.compile("[+-]?[0-9]+")
ALL_PROCESSORS = "all"


def add_storing_commands(subparsers, handler):
    """Add the commands; handler(module, function) returns what carries one out."""
    add_submit(subparsers, handler("submit_command", "run"))
    add_daemon(subparsers, handler("daemon_command", "run"))
    add_delete(subparsers, handler)
    add_care(subparsers, handler)
    add_schema(subparsers, handler)


def add_submit(subparsers, handler):
    """Add the command submit."""
    parser = add_command(subparsers, "submit", handler, "store jobs in the database")
    parser.add_argument(
        "-e", "--error", action="store_true",
        help="end at the first failure; that a job is there already is one",
    )  # fmt: skip
    parser.add_argument("-r", "--remove", action="store_true", help="remove what was stored")
    parser.add_argument(
        "-m", "--move-away", action="store_true", help="move what failed to ingest_failed_dir"
    )
    add_dry_run(parser, "read and check everything, store nothing")
    parser.add_argument("--drop", action="store_true", help="drop all data of EPMT first; asks")
    add_yes(parser)
    parser.prepare = with_number
    parser.add_argument(
        "-p", "--num-cpus", type=processors, nargs="?", default=1, metavar="N",
        help="read N jobs at once, in processes of their own (without N: one per processor)",
    )  # fmt: skip
    add_quiet(parser)
    parser.add_argument(
        "--wait", type=seconds, default=WAIT_SECONDS, metavar="SECONDS",
        help="how long a job of more than some 50,000 processes waits for another one (60)",
    )  # fmt: skip
    add_database(parser)
    add_cluster(parser, "of the jobs, by default CLUSTER of [SITE] in the database configuration")
    parser.add_argument(
        "paths", nargs="*", metavar="path",
        help="directories or archives of jobs; by default the directory of the current job",
    )  # fmt: skip


def with_number(words):
    """Return the words of submit with one behind each -p, which argparse would take a path for."""
    end = words.index("--") if "--" in words else len(words)
    found = []
    for at, word in enumerate(words):
        found.append(word)
        if at < end and NUM_CPUS.fullmatch(word):
            following = words[at + 1] if at + 1 < len(words) else ""
            if not NUMBER.fullmatch(following):
                found.append(ALL_PROCESSORS)
    return found


def processors(text):
    """Return a number from 1 to 999, 0 for all. Raises ValueError."""
    if text == ALL_PROCESSORS:
        return 0
    return number(text)


def seconds(text):
    """Return a number of seconds. Raises ValueError."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def add_daemon(subparsers, handler):
    """Add the command daemon."""
    text = "store, analyze and retire jobs in the background; without options tell whether it does"
    parser = add_command(subparsers, "daemon", handler, text)
    parser.epilog = DAEMON_HELP
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("-s", "--start", action="store_true", help="start it in the background")
    doing.add_argument("-S", "--stop", action="store_true", help="end it, and wait until it has")
    doing.add_argument(
        "-D", "--foreground", action="store_true", help="be it, in the foreground, as for systemd"
    )
    parser.add_argument(
        "-i", "--ingest", nargs="?", const="", metavar="DIR",
        help="store the archives of DIR (stage_command_dest), and remove them",
    )  # fmt: skip
    parser.add_argument("-k", "--keep", action="store_true", help="do not remove them")
    parser.add_argument(
        "-m", "--move-away", action="store_true",
        help="move what cannot be stored to ingest_failed_dir, with NAME.reason (always on)",
    )  # fmt: skip
    parser.add_argument(
        "-r", "--recursive", action="store_true", help="also those of the directories below DIR"
    )
    parser.add_argument(
        "--post-process", action="store_true",
        help="analyze jobs that are not analyzed (all else is done when they are stored)",
    )  # fmt: skip
    parser.add_argument(
        "--no-analyze", action="store_true", help="with --post-process: do not analyze them"
    )
    parser.add_argument(
        "--retire", action="store_true",
        help="delete old jobs and models, as epmt retire does, once an hour",
    )  # fmt: skip
    parser.add_argument(
        "--interval", type=interval, default=INTERVAL_SECONDS, metavar="SECONDS",
        help="from the begin of one round to that of the next (60)",
    )  # fmt: skip
    add_database(parser)
    add_cluster(parser, "of the jobs, by default CLUSTER of [SITE] in the database configuration")


def interval(text):
    """Return a number of seconds, not too small. Raises ValueError."""
    value = seconds(text)
    if value < SHORTEST_INTERVAL_SECONDS:
        raise ValueError(text)
    return value


def add_yes(parser):
    """Add -f, which the suite calls --yes."""
    parser.add_argument("-f", "--yes", action="store_true", help="drop without asking")


def add_delete(subparsers, handler):
    """Add the commands delete, drop and retire."""
    parser = add_command(subparsers, "delete", handler("admin_commands", "delete"), "delete jobs")
    add_dry_run(parser)
    parser.add_argument(
        "--remove-models", action="store_true",
        help="also those of which models were made, with these models",
    )  # fmt: skip
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("jobs", nargs="+", metavar="job", help="job id, or cluster/id")
    parser = add_command(
        subparsers, "drop", handler("admin_commands", "drop"), "drop EPMT's tables with all data"
    )
    add_yes(parser)
    add_database(parser)
    parser = add_command(
        subparsers, "retire", handler("admin_commands", "retire"),
        "delete jobs older than retire_jobs_ndays, and models older than retire_models_ndays",
    )  # fmt: skip
    add_dry_run(parser)
    parser.add_argument(
        "-u", "--skip-unproc", action="store_true",
        help="keep jobs that wait for post-processing (here none does)",
    )  # fmt: skip
    add_database(parser)


def add_care(subparsers, handler):
    """Add the commands dbsize and dbcare."""
    parser = add_command(
        subparsers, "dbsize", handler("admin_commands", "dbsize"), "tell what takes how many bytes"
    )
    parser.add_argument(
        "kinds", nargs="*", metavar="kind", help="database, table, index, tablespace, or all"
    )
    add_database(parser)
    parser = add_command(
        subparsers, "dbcare", handler("admin_commands", "dbcare"),
        "remove what stopped runs have left, and more",
    )  # fmt: skip
    parser.add_argument("-r", "--retire-jobs", action="store_true", help="delete old jobs, too")
    parser.add_argument(
        "--vacuum-tables", action="store_true", help="give the space of deleted rows back, too"
    )
    parser.add_argument(
        "-p", "--post-process", action="store_true",
        help="nothing to do: jobs are post-processed when they are stored",
    )  # fmt: skip
    add_dry_run(parser)
    add_database(parser)


def add_schema(subparsers, handler):
    """Add the commands schema and migrate."""
    parser = add_command(
        subparsers, "schema", handler("admin_commands", "schema"), "print the tables in SQL"
    )
    add_database(parser)
    parser = add_command(
        subparsers, "migrate", handler("admin_commands", "migrate"),
        "make EPMT's tables, or bring them up to date",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="source", metavar="URL",
        help="then store the jobs of the database of EPMT 4 or 5 that the URL names",
    )  # fmt: skip
    add_dry_run(parser)
    add_database(parser)
    add_cluster(parser, "with --from: of the jobs, by default CLUSTER of [SITE]")
