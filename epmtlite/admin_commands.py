"""The commands of epmt that delete, and those for the database as a whole."""

import json
import sys

from epmtlite import connection, deletion, refmodels
from epmtlite.collect import errors
from epmtlite.collect.console import print_line
from epmtlite.schema import EPMT
from usagedb import schema as schemas
from usagedb.errors import PARTLY

AGREED = ("y", "yes")


def delete(options):
    """Delete jobs; return the exit status: not 0 if one is not there."""
    from epmtlite import partial, selection
    from usagedb.runs import recorded

    with connection.opened(options) as database:
        jobs = selection.named_jobs(database, options.jobs, options.cluster)
        missing = selection.missing_names(options.jobs, jobs)
        kept = keep_models(database, jobs, options)
        jobs = [job for job in jobs if job.number not in kept]
        if options.dry_run:
            for job in jobs:
                print_line(f"would delete job {job.full_name()}: {job.num_procs} processes")
        else:
            with recorded(database, "epmt delete") as run:
                partial.clean(database)
                count = deletion.delete_jobs(database, jobs)
                run.message = f"deleted {count} jobs"
    if missing:
        raise errors.MissingError(f"no job {', '.join(missing)} is in the database")
    return PARTLY if kept else 0


def keep_models(database, jobs, options):
    """Return the numbers of the jobs that stay, since models were made of them, with a warning.

    With remove_models none does, and these models are deleted, unless it is a dry run: commits.
    """
    if options.remove_models and options.dry_run:
        by_job = refmodels.numbers_by_job(database, jobs)
        for number in sorted({one for some in by_job.values() for one in some}):
            print_line(f"would delete model {number}: {refmodels.the_model(database, number).name}")
        return set()
    left = deletion.without_models(database, jobs, options.remove_models)
    return {job.number for job in jobs} - {job.number for job in left}


def drop(options):
    """Drop all data; that it was not agreed to is no error."""
    drop_tables(connection.database_config(options.settings, options.conf_path), options.yes)


def drop_tables(config, yes):
    """Drop the tables of EPMT and no others, if that is agreed to; tell whether it was. Commits.

    Raises UsageError if nobody can be asked.
    """
    from usagedb.database import Database

    if not config.is_there():
        return True
    question = (
        f"This will drop all tables of EPMT in {config.describe()}, with all data. This action"
        " cannot be reversed. Are you sure (yes/NO): "
    )
    if not yes:
        check_terminal()
    if not (yes or is_agreed(question)):
        return False
    database = Database(config)
    schemas.drop(database, EPMT)
    database.close()
    return True


def check_terminal():
    """Raise UsageError if nobody can be asked."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise errors.UsageError("drop needs --yes (or -f) without a terminal")


def is_agreed(question):
    """Ask the person at the terminal."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in AGREED


def retire(options):
    """Delete old models and jobs, or say which."""
    from usagedb.runs import recorded

    with connection.opened(options) as database:
        if options.dry_run:
            retire_models(database, options)
            retire_jobs(database, options, models_go=True)
            return
        with recorded(database, "epmt retire") as run:
            models = retire_models(database, options)
            count = retire_jobs(database, options)
            run.message = f"retired {models} models and {count} jobs"


def retire_models(database, options):
    """Delete the models that are old by the settings; return how many. With dry_run say which."""
    from epmtlite import care

    doing = "would retire" if options.dry_run else "retired"

    def report(model):
        if options.dry_run or options.verbosity:
            print_line(f"{doing} model {model.name}")

    days = options.settings.retire_models_ndays
    return care.retire_models(database, days, options.dry_run, report)


def retire_jobs(database, options, models_go=False):
    """Delete the jobs that are old by the settings; return how many. With dry_run say which;
    models_go tells that old models would be deleted before."""
    from epmtlite import care

    settings = options.settings
    models = care.old_models(database, settings.retire_models_ndays) if models_go else []
    doing = "would retire" if options.dry_run else "retired"

    def report(job):
        if options.dry_run or options.verbosity:
            print_line(f"{doing} job {job.full_name()}: {job.num_procs} processes")

    return care.retire(
        database, settings.retire_jobs_ndays, settings.retire_jobs_per_delete_max,
        options.dry_run, report, frozenset(model.id for model in models),
    )  # fmt: skip


def dbsize(options):
    """Print what takes how many bytes, as JSON."""
    from epmtlite import care

    kinds = options.kinds or ["database"]
    unknown = [kind for kind in kinds if kind not in (*care.SIZES, "all")]
    if unknown:
        raise errors.UsageError(f"{unknown[0]}: one of {', '.join(care.SIZES)}, or all")
    with connection.opened(options, to_write=False) as database:
        found = care.sizes(database, care.SIZES if "all" in kinds else kinds)
        found["settings"] = {"database": database.config.describe()}
    print_line(json.dumps(found, indent=4))


def dbcare(options):
    """Look after the database."""
    from epmtlite import care
    from usagedb.runs import recorded

    with connection.opened(options) as database:
        if options.dry_run:
            if options.retire_jobs:
                retire_jobs(database, options)
            return
        with recorded(database, "epmt dbcare") as run:
            rests = care.clean(database)
            count = retire_jobs(database, options) if options.retire_jobs else 0
            run.message = f"removed the rests of {rests} jobs, retired {count} jobs"
        if options.vacuum_tables:
            care.vacuum(database)


def schema(options):
    """Print the tables as SQL, in the words of the database."""
    from usagedb.database import Database

    config = connection.database_config(options.settings, options.conf_path)
    database = Database(config.replaced(in_memory=True))
    for step in EPMT.steps:
        print_line(database.dialect.schema_text(step.statement, database) + ";")
    database.close()


def migrate(options):
    """Make the tables, or bring them up to date, saying each step; return the exit status.

    With options.source then take over the jobs of a database of EPMT.
    """
    from usagedb.making import make_tables

    config = connection.database_config(options.settings, options.conf_path)
    if not options.source:
        make_tables(config, [EPMT], print_line, options.dry_run)
        return 0
    from epmtlite.takeover import take_over

    if not options.dry_run:
        make_tables(config, [EPMT], lambda line: None)
    return take_over(options)
