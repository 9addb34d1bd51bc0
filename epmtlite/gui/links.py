"""The addresses of the pages."""

from urllib.parse import quote, urlencode

from epmtlite.collect.tags import pair_of
from epmtlite.gui.markup import tag


def address(path, *pairs, **parameters):
    """Return a path with a query of (key, value) pairs and parameters.

    None is left out, and so is '', unless it is the name of a cluster.
    """
    found = [
        (key, value)
        for key, value in (*pairs, *parameters.items())
        if value is not None and (value != "" or key == "cluster")
    ]
    return f"{path}?{urlencode(found, quote_via=quote)}" if found else path


def job_path(cluster, jobid, kind="job"):
    """Return the path of the page about a job; the cluster may be ''."""
    return f"/{kind}/{quote(cluster, safe='')}/{quote(jobid, safe='')}"


def split_name(name):
    """Return (cluster, job id) of cluster/id, or of an id alone: job ids have no slash."""
    cluster, _slash, jobid = name.rpartition("/")
    return cluster, jobid


def job_link(name):
    """Return the link to a job, which is named cluster/id, or id where the cluster has no name."""
    cluster, jobid = split_name(name)
    return tag("a", name if cluster else jobid, href=job_path(cluster, jobid))


def tag_condition(key, value):
    """Return key:value, by which jobs with a tag are asked for; None for a tag that cannot be
    written so."""
    text = f"{key}:{value}"
    is_read_back = ";" not in text and pair_of(text) == (str(key), str(value))
    return text if is_read_back else None


def filter_link(shown, **parameters):
    """Return the link to the jobs that meet a condition."""
    return tag("a", shown, href=address("/", **parameters))
