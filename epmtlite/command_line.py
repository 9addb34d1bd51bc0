"""The options of the commands of epmt that use the database."""

from epmtlite.collect.console import add_command

LIST_HELP = (
    "what: jobs (default), procs, thread_metrics, op_metrics, job_proc_tags, unprocessed_jobs,"
    " unanalyzed_jobs. Then job ids (or cluster/id; for thread_metrics the ids of processes) and"
    " conditions as key=value. Example: epmt list procs 685000 tags=op:cp order=-cpu_time limit=5"
)
# python first: as EPMT prints lists; the others are those of all commands.
FORMS = ("python", "table", "csv", "json", "markdown")
WAIT_SECONDS = 60.0


def add_submission_commands(subparsers, handler):
    """Add the commands; handler(module, function) returns what carries one out."""
    add_submit(subparsers, handler("submit_command", "run"))
    add_list(subparsers, handler("list_command", "run"))
    add_delete(subparsers, handler)
    add_care(subparsers, handler)
    add_schema(subparsers, handler)


def add_database(parser):
    """Add what says which database."""
    parser.add_argument(
        "--confFn", dest="conf_path", metavar="FILE", help="file that says which database"
    )


def add_cluster(parser, text="of the job ids that several clusters have"):
    """Add --cluster."""
    parser.add_argument("--cluster", metavar="NAME", help=text)


def add_yes(parser):
    """Add -f, which the suite calls --yes."""
    parser.add_argument("-f", "--yes", action="store_true", help="drop without asking")


def add_dry_run(parser, text="say what would be done; do nothing"):
    """Add -n."""
    parser.add_argument("-n", "--dry-run", action="store_true", help=text)


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
    parser.add_argument(
        "-p", "--num-cpus", type=positive, nargs="?", const=0, default=1, metavar="N",
        help="read N jobs at once, in processes of their own (without N: one per processor)",
    )  # fmt: skip
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


def positive(text):
    """Return a positive number. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1000):
        raise ValueError(text)
    return int(text)


def seconds(text):
    """Return a number of seconds. Raises ValueError."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def add_list(subparsers, handler):
    """Add the command list."""
    parser = add_command(subparsers, "list", handler, "show what is stored")
    parser.epilog = LIST_HELP
    parser.add_argument(
        "--format", dest="form", choices=FORMS, default=FORMS[0],
        help="how to print it (python)",
    )  # fmt: skip
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("words", nargs="*", metavar="[what] [job ...] [key=value ...]")


def add_delete(subparsers, handler):
    """Add the commands delete, drop and retire."""
    parser = add_command(subparsers, "delete", handler("admin_commands", "delete"), "delete jobs")
    add_dry_run(parser)
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
        "delete jobs that are older than retire_jobs_ndays",
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
