"""What the arguments of epmtlite.query mean: jobs, tags, moments, conditions, forms."""

import contextlib
import datetime
import numbers
import re
from collections.abc import Iterable, Mapping

from epmtlite import filters, moments, selection
from epmtlite.analysis.errors import BadArgument
from epmtlite.ordering import checked_order
from usagedb import errors

FORMS = ("dict", "pandas", "terse")
LARGEST_ID = (1 << 63) - 1  # that databases can have
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class MissingJob(errors.MissingInputError, KeyError):
    """A job that is not in the database."""

    def __str__(self):
        return str(self.args[0])


@contextlib.contextmanager
def value_errors():
    """Raise BadArgument, a ValueError, for a UsageError of the block."""
    try:
        yield
    except ValueError:
        raise
    except errors.UsageError as error:
        raise BadArgument(str(error)) from error


def checked_form(fmt):
    """Return a form if there is such a one. Raises BadArgument."""
    if fmt not in FORMS:
        raise BadArgument(f"fmt={fmt!r}: one of {', '.join(FORMS)}")
    return fmt


def order_of(order, orders, usual):
    """Return an order by one of some columns, the usual one for none. Raises BadArgument."""
    with value_errors():
        return checked_order(str(order or usual), orders)


def count_of(name, value):
    """Return how many are asked for, None for None. Raises BadArgument for what is no count."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 0:
        raise BadArgument(f"{name}={value!r}: a whole number, 0 or more")
    return int(value)


def names_of(jobs):
    """Return the names of jobs, a tuple: of an id, several with commas between them, a collection
    of ids, of selection.Jobs or of dictionaries with a jobid, or a DataFrame with such a column.

    Raises BadArgument for anything else.
    """
    if jobs is None:
        return ()
    if isinstance(jobs, str):
        return tuple(part.strip() for part in jobs.split(",") if part.strip())
    if isinstance(jobs, (int, Mapping, selection.Job)):
        return (name_of(jobs),)
    if isinstance(jobs, (bytes, bytearray)):
        raise BadArgument(f"{jobs!r} are no jobs")
    if hasattr(jobs, "to_dict") and hasattr(jobs, "columns"):  # a DataFrame
        jobs = jobs.to_dict("records")
    if hasattr(jobs, "tolist"):  # a Series, or an array of numpy
        jobs = jobs.tolist()
    if not isinstance(jobs, Iterable):
        raise BadArgument(f"{jobs!r} are no jobs")
    return tuple(dict.fromkeys(name_of(job) for job in jobs))


def name_of(job):
    """Return the name of one job. Raises BadArgument."""
    if isinstance(job, selection.Job):
        return f"{job.cluster}/{job.jobid}"
    if isinstance(job, Mapping) and "jobid" in job:
        cluster = job.get("cluster")
        return str(job["jobid"]) if cluster is None else f"{cluster}/{job['jobid']}"
    if isinstance(job, (str, int)) and not isinstance(job, bool):
        return str(job)
    raise BadArgument(f"{job!r} is no job")


def some_names(jobs):
    """Return the names of jobs. Raises BadArgument for none."""
    names = names_of(jobs)
    if not names:
        raise BadArgument("no job is named: say which, a collection that is not empty")
    return names


def chosen_jobs(database, jobs):
    """Return the selection.Jobs of what must name some, in that order.

    Read-only. Raises BadArgument for none, MissingJob for one that is not there.
    """
    names = some_names(jobs)
    found = named_jobs(database, names)
    missing = selection.missing_names(names, found)
    if missing:
        raise MissingJob(f"no job {', '.join(missing)} is in the database")
    return found


def named_jobs(database, names):
    """Return the selection.Jobs with these names, without those that no job can have. Read-only.

    Raises BadArgument for a job id that several clusters have.
    """
    with value_errors():
        return selection.named_jobs(database, storable(names))


def storable(names):
    """Return names, with '', which nothing has, in the place of those that no database takes."""
    return tuple("" if UNSTORABLE.search(name) else name for name in names)


def one_job(database, job):
    """Return the selection.Job of what must name one. Raises BadArgument or MissingJob."""
    found = chosen_jobs(database, job)
    if len(found) > 1:
        raise BadArgument("one job is asked for, and several are named")
    return found[0]


def tag_alternatives(tags):
    """Return the tags of which one has to fit, a tuple of dictionaries; None where any do.

    A text or a dictionary is one; '' and {} mean: without tags. A list is of several. Raises
    BadArgument.
    """
    if tags is None or tags == [] or tags == ():
        return None
    if isinstance(tags, (str, Mapping)):
        return (one_tag(tags),)
    if not isinstance(tags, Iterable):
        raise BadArgument(f"{tags!r} are no tags: write key:value, or a dictionary")
    return tuple(one_tag(tag) for tag in tags)


def one_tag(tag):
    """Return a tag as {key: text}. Raises BadArgument."""
    if isinstance(tag, Mapping):
        return {str(key): str(value) for key, value in tag.items()}
    if isinstance(tag, str):
        with value_errors():
            return selection.wanted_tags(tag)
    raise BadArgument(f"{tag!r} is no tag: write key:value, or a dictionary")


def mapping(value):
    """Return annotations or analyses that are asked for as {key: text}; None for None."""
    return None if value is None else one_tag(value)


def moment(value):
    """Return a moment in microseconds since the epoch, None for None; see moments.microseconds_of.

    A datetime without a zone is one of this machine's clocks. Raises BadArgument.
    """
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        try:
            return round(value.timestamp() * 1e6)
        except (ValueError, OverflowError):
            raise BadArgument(f"{value}: no moment that this machine's clocks can show") from None
    if isinstance(value, float):
        value = f"{value:.6f}"  # as exact as moments are; time.time() has more digits
    with value_errors():
        return moments.microseconds_of(value)


def interval(database, when):
    """Return (from, to) in microseconds; None for None.

    when is a moment, a job or its id, or the dictionary of a process: then it is its time.
    Raises BadArgument for a text that is neither.
    """
    if when is None:
        return None
    if isinstance(when, Mapping) and "start" in when:
        return moment(when["start"]), moment(when["end"])
    if isinstance(when, selection.Job):
        return when.start, when.end
    if isinstance(when, str):
        named = named_jobs(database, [when])
        if named:
            return named[0].start, named[0].end
    at = moment(when)
    return at, at


def condition(fltr):
    """Return the filters.Filter of a text, None for none. Raises BadArgument."""
    if fltr is None or fltr == "":
        return None
    if not isinstance(fltr, str):
        raise BadArgument("fltr is a text: see epmtlite/filters.py")
    return filters.parsed(fltr)


def hosts_of(hosts):
    """Return the names of hosts, a tuple; of a text with commas, too. Raises BadArgument."""
    if isinstance(hosts, str):
        hosts = [part.strip() for part in hosts.split(",") if part.strip()]
    if not isinstance(hosts or (), Iterable):
        raise BadArgument(f"{hosts!r} are no names of hosts")
    return storable(str(host) for host in hosts or ())


def selected(database, wanted):
    """Return the selection.Jobs that meet a selection.JobFilter. Read-only.

    Raises BadArgument for a job id that several clusters have.
    """
    with value_errors():
        return selection.select_jobs(database, wanted._replace(jobs=storable(wanted.jobs)))
