"""The commands of epmt that collect: start, stop, run, annotate, dump, stage and others."""

import os
import sys

from epmtlite.collect import annotate, concat, convert, dump, errors, job, metadata, stage
from epmtlite.collect.console import execute, print_error, print_line
from epmtlite.collect.parsing import add_command, make_parser
from epmtlite.collect.settings import CHOICES
from epmtlite.collect.settings_command import add_settings

DESCRIPTION = "Collect what every process of a job did."
# Options of `run` that are followed by a value.
RUN_OPTIONS_WITH_VALUE = ("--jobid", "--collector", "--no-trace")


def main(arguments=None):
    """Run a collection command and return its exit status."""
    parser, subparsers = make_parser(DESCRIPTION)
    add_collection_commands(subparsers)
    return run(parser, sys.argv[1:] if arguments is None else arguments)


def run(parser, arguments):
    """Run the command that arguments name and return its exit status.

    parser may have other commands besides those of this module.
    """
    own, command = split_run(list(arguments))
    return execute(parser, own, command)


def split_run(arguments):
    """Return (arguments of epmt, the command of `epmt run`, None for other commands).

    The command begins at the first word that is no option, or behind --; what follows belongs to
    it, whatever it looks like.
    """
    begin = next((at for at, one in enumerate(arguments) if not one.startswith("-")), None)
    if begin is None or arguments[begin] != "run":
        return arguments, None
    at = begin + 1
    while at < len(arguments):
        if arguments[at] == "--":
            return arguments[:at], arguments[at + 1 :]
        if not arguments[at].startswith("-") or arguments[at] == "-":
            break
        at += 2 if arguments[at] in RUN_OPTIONS_WITH_VALUE else 1
    return arguments[:at], arguments[at:]


def add_collection_commands(
    subparsers, dump_job=None, annotate_job=None, check_database=None, show_api=None
):
    """Add the commands of this module.

    dump_job(job id, options) and annotate_job(job id, annotations, options) do their work for jobs
    in the database, check_database(options) returns where that is, show_api(names) prints what
    Python programs can ask; without them there is no database.
    """
    add_start(subparsers)
    add_stop(subparsers)
    add_run(subparsers)
    add_source(subparsers)
    add_attach(subparsers)
    add_annotate(subparsers, annotate_job)
    add_dump(subparsers, dump_job)
    add_stage(subparsers)
    add_concat(subparsers)
    add_convert(subparsers)
    text = "verify that all works here, and say what to do if not"
    add_command(subparsers, "check", check, text, check_database=check_database)
    add_settings(subparsers)
    add_help(subparsers, show_api)


def add_jobid(parser):
    """Add --jobid."""
    parser.add_argument(
        "--jobid", metavar="ID", help="the job, instead of that of the batch system's variables"
    )


def add_error(parser, text):
    """Add -e."""
    parser.add_argument("-e", "--error", action="store_true", help=text)


def add_pickle(parser):
    """Add -p."""
    parser.add_argument(
        "-p", "--pickle", action="store_true", help="write job_metadata as EPMT reads it"
    )


# start and stop


def add_start(subparsers):
    """Add the command start."""
    parser = add_command(subparsers, "start", start, "begin the metadata of a job")
    add_error(parser, "fail if the job is already started")
    add_pickle(parser)
    add_jobid(parser)


def start(options):
    """Begin a job."""
    identity = job.job_id(options.settings, options.jobid)
    directory = job.make_directory(options.settings, identity)
    metadata.start(directory, identity, options.settings, options.error, options.pickle)


def add_stop(subparsers):
    """Add the command stop."""
    parser = add_command(subparsers, "stop", stop, "complete the metadata of a job")
    add_error(parser, "fail if the job is already stopped")
    add_pickle(parser)
    add_jobid(parser)


def stop(options):
    """Complete a job."""
    directory = current_directory(options)
    metadata.stop(directory, options.settings, options.error, options.pickle)


def current_directory(options):
    """Return the directory of the job that options mean. Raises MissingError if it has none."""
    identity = job.job_id(options.settings, options.jobid)
    try:
        return job.existing_directory(options.settings, identity)
    except errors.MissingError as error:
        raise errors.MissingError(f"job is not started: {error}") from error


# run, source and check


def add_run(subparsers):
    """Add the command run."""
    parser = add_command(
        subparsers, "run", run_command, "run a command and collect what its processes do",
        leaves_signals=True, never_fails=True,
    )  # fmt: skip
    parser.usage = "epmt run [options] [--] command [argument ...]"
    parser.add_argument("-a", "--auto", action="store_true", help="start before, stop after it")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done")
    parser.add_argument(
        "--collector", choices=CHOICES["collector"], help="how to follow the processes"
    )
    parser.add_argument(
        "--no-trace", action="append", default=[], metavar="GLOB",
        help="let go of programs with such a path",
    )  # fmt: skip
    add_jobid(parser)


def run_command(options):
    """Run a command and return its exit status."""
    if not options.command:
        raise errors.UsageError("no command to run: see epmt run -h")
    from epmtlite.collect import run

    return run.run_command(options)


def add_source(subparsers):
    """Add the command source."""
    text = "print shell code that collects what the calling shell starts"
    parser = add_command(subparsers, "source", source, text)
    parser.add_argument("-s", "--slurm", action="store_true", help="for a Slurm task prolog")
    add_jobid(parser)


def source(options):
    """Print shell code."""
    from epmtlite.collect.source import source_command

    return source_command(options)


def add_attach(subparsers):
    """Add the commands attach and detach, which the code of source calls."""
    parser = add_command(subparsers, "attach", attach, "collect what a running process starts")
    parser.add_argument("process", type=int, metavar="PID")
    add_jobid(parser)
    parser = add_command(subparsers, "detach", detach, "end what attach has begun")
    parser.add_argument("follower", metavar="WORD", help="what attach has printed")


def attach(options):
    """Follow a process that runs."""
    from epmtlite.collect.attach import attach_command

    return attach_command(options)


def detach(options):
    """Follow a process no longer."""
    from epmtlite.collect.attach import detach_command

    return detach_command(options)


def check(options):
    """Verify that all works here."""
    from epmtlite.collect.check import check_command

    return check_command(options)


# annotate and dump


def add_annotate(subparsers, annotate_job):
    """Add the command annotate."""
    parser = add_command(
        subparsers, "annotate", annotate_command, "add annotations to a job",
        annotate_job=annotate_job,
    )  # fmt: skip
    parser.add_argument("--replace", action="store_true", help="remove those that are there")
    parser.add_argument(
        "words", nargs="*", metavar="[target] key=value",
        help="target: a directory, archive, metadata file or job id; by default the current job",
    )  # fmt: skip
    add_jobid(parser)


def annotate_command(options):
    """Annotate the current job, or the one of the first argument."""
    target, words = None, options.words
    if words and "=" not in words[0]:
        target, words = words[0], words[1:]
    annotations = annotate.parse(words)
    if target is None:
        annotate_current(options, annotations)
    elif os.path.isdir(target):
        annotate.annotate_directory(target, annotations, options.replace)
    elif dump.is_path(target):
        annotate.annotate_file(target, annotations, options.replace)
    elif options.annotate_job:
        options.annotate_job(target, annotations, options)
    else:
        raise no_database(target)


def annotate_current(options, annotations):
    """Annotate the current job."""
    try:
        annotate.annotate_directory(current_directory(options), annotations, options.replace)
    except errors.MissingError as error:
        raise errors.MissingError("annotate cannot be called before start") from error


def no_database(target):
    """Return the error for a job id where there is no database."""
    return errors.MissingError(f"{target} is no file or directory, and there is no database here")


def add_dump(subparsers, dump_job):
    """Add the command dump."""
    parser = add_command(subparsers, "dump", dump_command, "show a job", dump_job=dump_job)
    parser.add_argument("-k", "--key", help="show the value of this key only")
    parser.add_argument(
        "targets", nargs="*", metavar="target",
        help="a directory, archive, metadata file or job id; by default the current job",
    )  # fmt: skip
    add_jobid(parser)


def dump_command(options):
    """Show the current job, or those of the arguments."""
    for target in options.targets or [current_directory(options)]:
        if dump.is_path(target):
            for line in dump.lines(dump.read(target), options.key):
                print_line(line)
        elif options.dump_job:
            options.dump_job(target, options)
        else:
            raise no_database(target)


# stage, concat and convert


def add_stage(subparsers):
    """Add the command stage."""
    text = "pack jobs and hand them to stage_command; print where they are"
    parser = add_command(subparsers, "stage", stage_command, text)
    add_error(parser, "stop at the first failure, also at a bad CSV file")
    add_pickle(parser)
    parser.add_argument(
        "--no-collate", dest="collate", action="store_false", help="keep CSV files as they are"
    )
    parser.add_argument(
        "--no-compress-and-tar", dest="compress", action="store_false", help="make no archive"
    )
    parser.add_argument("directories", nargs="*", metavar="directory", help="of the jobs")
    add_jobid(parser)


def stage_command(options):
    """Stage the current job, or those of the arguments; return the status of the last failure."""
    how = stage.Options(options.error, options.collate, options.compress, options.pickle)
    status = 0
    for directory in options.directories or [current_directory(options)]:
        try:
            path = stage.stage(directory, options.settings, how)
        except errors.CollectError as error:
            if options.error:
                raise
            print_error(error)
            status = error.exit_code
        else:
            if path:
                print_line(path)
    return status


def add_concat(subparsers):
    """Add the command concat."""
    text = "join the CSV files of a directory, or those named"
    parser = add_command(subparsers, "concat", concat_command, text)
    add_error(parser, "fail at a bad file")
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write this file")
    parser.add_argument("-E", "--error-dir", metavar="DIR", help="where bad files go")
    parser.add_argument("paths", nargs="+", metavar="file or directory")


def concat_command(options):
    """Join files."""
    place = options.error_dir or options.settings.error_dest
    concat.concat(options.paths, options.output, options.error, place)


def add_convert(subparsers):
    """Add the command convert."""
    parser = add_command(
        subparsers, "convert", convert_command, "convert an archive of CSV files to TSV"
    )
    parser.add_argument("source", metavar="archive")
    parser.add_argument("destination", nargs="?", help="by default the archive itself")


def convert_command(options):
    """Convert an archive."""
    convert.convert(options.source, options.destination or options.source, options.settings)


# help


def add_help(subparsers, show_api):
    """Add the command help."""
    text = "print this help, or a command's; with api what Python programs can ask"
    parser = add_command(subparsers, "help", help_command, text, show_api=show_api)
    parser.add_argument("topics", nargs="*", metavar="command | api [function ...]")


def help_command(options):
    """Print the help of epmt, of a command, or of the functions of epmtlite.query."""
    if options.show_api and options.topics[:1] == ["api"]:
        options.show_api(options.topics[1:])
        return
    options.parser.parse_args(options.topics[:1] + ["-h"])
