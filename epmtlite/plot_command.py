"""The command epmt plot."""

import sys
from pathlib import Path

from epmtlite import connection, selection
from epmtlite.collect import errors
from epmtlite.collect.console import print_line
from epmtlite.outliers import FEWEST_JOBS
from epmtlite.plot import comparison, data, files, page

STDOUT = "-"
FORMS = ("html", "png")
FEWEST_KEPT = 1000  # processes of each of many jobs


def run(options):
    """Write a picture of a job, or of several that are compared."""
    check(options)
    form = form_of(options)
    path = options.output or f"{name_of(options)}.{form}"
    if path != STDOUT:
        files.check_target(path, options.force)
    if form == "png":
        from epmtlite.plot import picture

        picture.require_library()
    jobs, outliers = read(options)
    if form == "png":
        picture.write(jobs, path, options.force)
    else:
        write_page(page.chunks(jobs, title_of(jobs), outliers), path, options.force)
    if path != STDOUT and (options.verbosity or not options.output):
        print_line(path)


def check(options):
    """Raise UsageError for what cannot be asked for."""
    if options.limit < 1:
        raise errors.UsageError("--limit needs a number of at least 1")
    count = len(dict.fromkeys(options.jobs))
    if options.outliers and count < FEWEST_JOBS:
        raise errors.UsageError(f"--outliers needs at least {FEWEST_JOBS} jobs, not {count}")
    if options.compare and count < 2:
        raise errors.UsageError("--compare needs at least two jobs")
    if count > 1 and not (options.compare or options.outliers):
        raise errors.UsageError("one job makes a picture: for several say --compare or --outliers")


def form_of(options):
    """Return the form: that of --format, else of the end of the name. Raises UsageError."""
    suffix = Path(options.output or "").suffix.lower()
    form = options.form or suffix.lstrip(".") or FORMS[0]
    if form not in FORMS:
        raise errors.UsageError(
            f"{options.output}: its name ends in .html or .png, or say --format"
        )
    if form == "png" and options.output == STDOUT:
        raise errors.UsageError("png needs a file: -o FILE")
    if form == "png" and options.outliers:
        raise errors.UsageError("--outliers is for html only")
    return form


def name_of(options):
    """Return the beginning of the name of the file."""
    names = list(dict.fromkeys(options.jobs))
    purpose = "outliers" if options.outliers else "compare" if options.compare else ""
    return files.safe_name(names, purpose)


def read(options):
    """Return (the data of the jobs, what is known of outliers among them or None)."""
    with connection.opened(options, to_write=False) as database:
        found = named(database, options)
        check_count(found, options)
        # A page about outliers shows jobs, not their processes.
        limit = 0 if options.outliers else max(options.limit // len(found), FEWEST_KEPT)
        if len(found) == 1:
            limit = options.limit
        is_enough = len(found) >= FEWEST_JOBS
        outliers = comparison.compared(database, options.settings, found) if is_enough else None
        by_tags = not options.outliers
        return [data.job_data(database, job, limit, by_tags) for job in found], outliers


def named(database, options):
    """Return the selection.Jobs. Raises MissingError for one that is not there."""
    names = list(dict.fromkeys(options.jobs))
    found = selection.named_jobs(database, names, options.cluster)
    missing = selection.missing_names(names, found)
    if missing:
        raise errors.MissingError(f"no job {', '.join(missing)} is in the database")
    return found


def check_count(found, options):
    """Raise UsageError if different names were those of one job."""
    if len(found) < 2 and options.compare:
        raise errors.UsageError("--compare needs at least two jobs")


def title_of(jobs):
    """Return the title of the page."""
    names = [job["facts"]["job"] for job in jobs]
    if len(names) == 1:
        return f"Job {names[0]}"
    return f"{len(names)} jobs: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"


def write_page(chunks, path, may_replace):
    """Write a page to a file, or to standard output."""
    if path != STDOUT:
        files.write_texts(path, chunks, may_replace)
        return
    for chunk in chunks:
        sys.stdout.write(chunk)
