"""What is asked of another tool's database, in its words: names of clusters, users, jobs, days."""

import datetime
import re

from usagedb.dates import day_number
from usagedb.site import read_site
from usagedb.terminal import stored_text

MOST_DAYS = 366
LONGEST_NAME = 255
JOB_NUMBER = re.compile(r"[0-9]{1,20}")
# Clocks of nodes and of the batch system's controller may differ by this.
SLACK_SECONDS = 300.0


def names_in(config, system, cluster):
    """Return the names that a cluster has in a tool's records: () if the site says nothing of it.

    config is the DatabaseConfig of the tool's database, whose CLUSTERS of [SITE] is asked; system
    is "lmod", "xalt" or "epmt"; cluster is the name that Slurm has for it. Raises
    ConfigurationError.
    """
    for one in read_site(config).clusters:
        if cluster == one.name or cluster in one.aliases.get("slurm", ()):
            return tuple(dict.fromkeys((one.name, *one.aliases.get(system, ()), cluster)))
    return ()


def zone_of(config, cluster):
    """Return the tzinfo of a cluster, None for the machine's own. Raises ConfigurationError."""
    return read_site(config).cluster_of("slurm", cluster)[1]


def user_name(user):
    """Return a user's name as the tools store it: bounded, without what no database stores."""
    return stored_text(str(user)[:LONGEST_NAME].encode("utf-8", "surrogateescape"))


def job_number(job_id):
    """Return the number of a job of Slurm as a text, "" for what is none."""
    text = str(job_id)
    return text if JOB_NUMBER.fullmatch(text) else ""


def days_between(start, end, zone, most=MOST_DAYS):
    """Return the local days (YYYYMMDD) from one moment to another, the first `most` of them."""
    first, last = (datetime.datetime.fromtimestamp(moment, zone).date() for moment in (start, end))
    count = min((last - first).days + 1, most)
    return [day_number(first + datetime.timedelta(days=number)) for number in range(count)]


def days_since(since, today, most=MOST_DAYS):
    """Return the days (YYYYMMDD) from one date to another, the last `most` of them."""
    count = min((today - since).days + 1, most)
    return [day_number(today - datetime.timedelta(days=number)) for number in range(count)][::-1]


def today_in(zone):
    """Return the date that it is in a time zone."""
    return datetime.datetime.now(zone).date()
