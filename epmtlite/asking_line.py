"""The options of the commands of epmt that ask the database, and show what it says."""

from epmtlite.collect.parsing import add_command
from epmtlite.shared_options import FORMS, add_cluster, add_database, add_format, number

LIST_HELP = (
    "what: jobs (default), procs, thread_metrics, op_metrics, job_proc_tags, refmodels,"
    " unprocessed_jobs, unanalyzed_jobs. Then job ids (or cluster/id; for thread_metrics the ids of"
    " processes) and conditions as key=value. Example: epmt list procs 685000 tags=op:cp"
    " order=-cpu_time limit=5"
)
EXPORT_HELP = (
    "Conditions are those of epmt list; of procs also job_tags, before and after, which choose the"
    " jobs: epmt export procs after=-30 job_tags=exp_name:ESM4 tags=op:cp -o month.parquet."
    " Without them all jobs, or the processes of all jobs, are written."
)
OUTLIERS_HELP = (
    "A number is how many of the methods call the job an outlier by that feature. Without --model"
    " at least four jobs are needed. Example: epmt outliers --tag exp_name:linux_kernel --explain"
)
GUI_PORT = 8050


def add_asking_commands(subparsers, handler):
    """Add the commands; handler(module, function) returns what carries one out."""
    add_list(subparsers, handler("list_command", "run"))
    add_show(subparsers, handler("show_command", "run"))
    add_export(subparsers, handler("export_command", "run"))
    add_outliers(subparsers, handler("outliers_command", "run"))
    add_refmodel(subparsers, handler("refmodel_command", "run"))
    add_explore(subparsers, handler("explore_command", "run"))
    add_plot(subparsers, handler("plot_command", "run"))
    add_gui(subparsers, handler("gui_command", "run"))
    add_notebook(subparsers, handler("notebook_command", "run"))


def add_list(subparsers, handler):
    """Add the command list."""
    parser = add_command(subparsers, "list", handler, "show what is stored")
    parser.epilog = LIST_HELP
    add_format(parser, FORMS[0])
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("words", nargs="*", metavar="[what] [job ...] [key=value ...]")


def add_show(subparsers, handler):
    """Add the command show."""
    parser = add_command(subparsers, "show", handler, "tell on a page what a job did")
    parser.add_argument(
        "--limit", type=number, default=10, metavar="N", help="show N programs and operations (10)"
    )
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("jobs", nargs="+", metavar="job", help="job id, or cluster/id")


def add_export(subparsers, handler):
    """Add the command export."""
    parser = add_command(subparsers, "export", handler, "write jobs or processes to a file")
    parser.epilog = EXPORT_HELP
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="write this file (standard output)"
    )
    parser.add_argument(
        "--format", dest="form", choices=("csv", "parquet"),
        help="by default what the name of the file ends with, or csv",
    )  # fmt: skip
    parser.add_argument(
        "--environments", action="store_true", help="of jobs: with their environments and info_dict"
    )
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("words", nargs="*", metavar="[jobs|procs] [job ...] [key=value ...]")


def add_outliers(subparsers, handler):
    """Add the command outliers."""
    parser = add_command(subparsers, "outliers", handler, "tell which jobs differ from the others")
    parser.epilog = OUTLIERS_HELP
    parser.add_argument(
        "--tag", dest="tags", action="append", metavar="KEY:VALUE",
        help="the jobs that have this tag; several are joined by ; and --tag may come again",
    )  # fmt: skip
    add_judging(parser)
    parser.add_argument("--model", metavar="ID", help="measure them with this reference model")
    parser.add_argument(
        "--ops", dest="by_operation", action="store_true", help="judge the operations of the jobs"
    )
    parser.add_argument(
        "--explain", action="store_true", help="say by what each outlier differs most"
    )
    add_format(parser, "table")
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("jobs", nargs="*", metavar="job", help="job id, or cluster/id")


def add_judging(parser):
    """Add what jobs are judged by."""
    parser.add_argument(
        "--features", metavar="NAME,...",
        help="what they are judged by: outlier_features of the settings; * is all numbers",
    )  # fmt: skip
    parser.add_argument(
        "--methods", metavar="NAME,...",
        help="of iqr, modified_z_score, z_score (univariate_classifiers of the settings), or, with"
        " a model made by them, of abod, hbos, knn, lof, mcd, ocsvm, pca",
    )  # fmt: skip
    parser.add_argument("--pca", action="store_true", help="judge them by principal components")


def add_refmodel(subparsers, handler):
    """Add the command refmodel."""
    text = "make reference models, say whether they are used, delete or show them"
    parser = add_command(subparsers, "refmodel", handler, text)
    parser.epilog = (
        "Example: epmt refmodel create usual --jobs 4711,4712,4713 --tag exp_name:linux_kernel"
    )
    parser.add_argument(
        "action", choices=("create", "enable", "disable", "delete", "show"), help="what to do"
    )
    parser.add_argument("--jobs", metavar="JOB,...", help="of create: at least three jobs")
    parser.add_argument("--tag", metavar="KEY:VALUE", help="of create: the tags of the model")
    add_judging(parser)
    parser.add_argument(
        "--ops", dest="by_operation", action="store_true", help="of create: of all operations"
    )
    add_format(parser, FORMS[0])
    add_database(parser)
    parser.add_argument("models", nargs="*", metavar="model", help="name or id")


def add_explore(subparsers, handler):
    """Add the command explore."""
    parser = add_command(subparsers, "explore", handler, "tell what the jobs of an experiment took")
    parser.add_argument(
        "--metric", default="duration", metavar="NAME", help="what of them (duration)"
    )
    parser.add_argument(
        "--limit", type=number, default=10, metavar="N", help="of the N largest components (10)"
    )
    add_format(parser, "table")
    add_database(parser)
    parser.add_argument("experiment", metavar="EXP", help="the value of the tag exp_name")


def add_plot(subparsers, handler):
    """Add the command plot."""
    parser = add_command(subparsers, "plot", handler, "draw what a job did, as one HTML file")
    parser.epilog = (
        "The page needs no server and can be sent by mail. Examples: epmt plot 4711; epmt plot 4711"
        " -o 4711.png; epmt plot --compare 4711 4712; epmt plot --outliers 4711 4712 4713 4714 4715"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE",
        help="write this file (JOB.html here; its name is printed); - is standard output",
    )  # fmt: skip
    parser.add_argument(
        "--format", dest="form", choices=("html", "png"),
        help="by default what the name of the file ends with, or html",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=int, default=100_000, metavar="N",
        help="of more than N processes leave the shortest out, and say so (100000)",
    )  # fmt: skip
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--compare", action="store_true",
        help="draw jobs on one scale, say which programs took more; of four or more mark outliers",
    )  # fmt: skip
    kinds.add_argument(
        "--outliers", action="store_true", help="draw which of many jobs differ, and by what"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    add_database(parser)
    add_cluster(parser)
    parser.add_argument("jobs", nargs="+", metavar="job", help="job id, or cluster/id")


def add_gui(subparsers, handler):
    """Add the command gui."""
    text = "serve the tables and pictures of all jobs on a page of this machine, until Ctrl-C"
    parser = add_command(subparsers, "gui", handler, text)
    parser.epilog = (
        "Open the address that it prints: only who knows it, and the token in it, sees anything."
        " From elsewhere: ssh -L 8050:localhost:8050 MACHINE. Example: epmt gui --port 0"
    )
    parser.add_argument(
        "--port", type=port, default=GUI_PORT, metavar="N", help="listen there (8050); 0: any free"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="NAME", help="listen on this address (127.0.0.1)"
    )
    parser.add_argument(
        "--public", dest="is_public", action="store_true",
        help="allow a --host that others in the network can reach: nothing is encrypted",
    )  # fmt: skip
    browsers = parser.add_mutually_exclusive_group()
    browsers.add_argument("--browser", action="store_true", help="open it in a browser, too")
    browsers.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="only print the address (so it is)",
    )
    add_database(parser)


def port(text):
    """Return the number of a port, 0 for any. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 65536):
        raise ValueError(text)
    return int(text)


def add_notebook(subparsers, handler):
    """Add the command notebook."""
    parser = add_command(
        subparsers, "notebook", handler, "start JupyterLab on a notebook that asks the database"
    )
    parser.epilog = "What follows -- goes to Jupyter: epmt notebook -- --no-browser --port 8899"
    parser.add_argument(
        "--notebook", default="epmt.ipynb", metavar="FILE",
        help="it is made if it is not there (./epmt.ipynb)",
    )  # fmt: skip
    parser.add_argument("arguments", nargs="*", metavar="-- argument", help="of Jupyter")
