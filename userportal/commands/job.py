"""userportal job: how well jobs used what they asked for, as text or JSON."""

import os
import sys
import time

import click

from usagedb import cli, errors
from usagedb.output import write_json
from userportal.access.owners import owners_of
from userportal.commands.opened import Opened

FORMATS = ("text", "json", "statistics")
MOST_JOBS = 1000


@click.command("job", context_settings=cli.CONTEXT_SETTINGS)
@click.argument("jobs", metavar="JOBID...", nargs=-1, required=True)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="statistics: the short JSON that other job reports read and write.",
)
@click.option("--script", "show_script", is_flag=True, help="Show the job's script, too.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour the text; auto: on a terminal, unless NO_COLOR is set.",
)
@cli.common_options
def command(jobs, output_format, show_script, color, quiet):
    """Report how well jobs used their cores, memory, GPUs and time.

    A JOBID is a number, a range (100-105), a task of an array (123_4), or several as squeue
    writes them (123_[1,3-5]).

    \b
    Examples:
      userportal job 4711
      userportal job 4711_3 '4712_[1,3-5]' 4720-4725 --format json
    """
    opened = Opened()
    found = collected(opened, jobs)
    if output_format == "text":
        write_text(opened, found, show_script, wants_colour(color))
    else:
        write_json((record_of(opened, known, output_format) for known in found), sys.stdout)
    return 0


def wants_colour(color):
    """Tell whether the text is coloured."""
    if color == "auto":
        return sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return color == "always"


def collected(opened, texts):
    """Return what is Known of the jobs that are named. Raises MissingInputError for one that is
    not there."""
    now = time.time()
    with opened.sources.slurm() as slurm:
        jobs = [job for text in texts for job in named_jobs(slurm, text)]
        if len(jobs) > MOST_JOBS:
            raise errors.UsageError(f"more than {MOST_JOBS} jobs at once")
        owners = owners_of(slurm, opened.people, jobs)
        return [opened.collector.collect(slurm, job, now, owners[job.db_index]) for job in jobs]


def named_jobs(slurm, text):
    """Return the jobs that one argument names. Raises UsageError or MissingInputError."""
    from userportal.slurm import jobset

    tasks = jobset.tasks(text)
    found = slurm.tasks(*tasks) if tasks else slurm.jobs(jobset.parse(text))
    if not found:
        raise errors.MissingInputError(f"slurmdbd has no job {text}")
    return found


def write_text(opened, found, show_script, colour):
    """Print the reports of jobs, and why something in them is missing."""
    from userportal.analysis.findings import findings
    from userportal.report.text import reports

    pairs = [(known.facts, findings(known.facts, opened.rules)) for known in found]
    click.echo(
        reports(pairs, colour=colour, show_script=show_script, rules=opened.rules),
        nl=False,
        color=colour,
    )
    for known in found:
        for source, error in known.failures.items():
            click.echo(f"Warning: job {known.job.display_id}: {source}: {error}", err=True)


def record_of(opened, known, output_format):
    """Return a job as it goes into JSON."""
    from userportal.analysis.costs import energy_json
    from userportal.analysis.findings import findings
    from userportal.report import schema

    if output_format == "statistics":
        return schema.statistics(known.facts)
    costs = energy_json(known.facts, opened.configuration.costs)
    return schema.record(known.facts, findings(known.facts, opened.rules), costs)
