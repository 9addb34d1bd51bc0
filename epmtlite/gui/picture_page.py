"""The pictures of epmt plot, with a way back to the pages."""

from epmtlite.gui import layout, links
from epmtlite.gui.job_page import compared_jobs, found_job
from epmtlite.gui.markup import tag
from epmtlite.outliers import FEWEST_JOBS
from epmtlite.plot import comparison, data, page
from epmtlite.plot.texts import shown

LIMIT = 50_000  # processes of a picture; of more the shortest are left out, and it says so
MOST_LIMIT = 1_000_000
FEWEST_KEPT = 500  # of each of many jobs
BODY = "<body>"


def job_chunks(site, asked, cluster, jobid):
    """Return (the texts that make the picture of a job, its policy). Reads all that it needs."""
    job = found_job(site.database, cluster, jobid)
    found = data.job_data(site.database, job, asked.whole("limit", LIMIT, MOST_LIMIT))
    title = f"Job {found['facts']['job']}"
    back = tag("a", f"\u2190 {title}", href=links.job_path(cluster, jobid))
    return with_way_back(page.chunks([found], title), back, asked), policy()


def compared_chunks(site, asked):
    """Return (the texts that make the picture of several jobs, its policy)."""
    jobs = compared_jobs(site.database, asked)
    is_enough = len(jobs) >= FEWEST_JOBS
    outliers = comparison.compared(site.database, site.settings, jobs) if is_enough else None
    limit = max(asked.whole("limit", LIMIT, MOST_LIMIT) // len(jobs), FEWEST_KEPT)
    found = [data.job_data(site.database, job, limit) for job in jobs]
    title = f"{len(found)} jobs: {shown(', '.join(job.full_name() for job in jobs))}"
    pairs = [("job", f"{job.cluster}/{job.jobid}") for job in jobs]
    back = tag("a", "\u2190 back", href=links.address("/compare", *pairs))
    return with_way_back(page.chunks(found, title, outliers), back, asked), policy()


def with_way_back(chunks, back, asked):
    """Yield the texts of a picture with a link at its beginning, unless it is in a frame of the
    page that the link leads to."""
    is_done = bool(asked.one(layout.IN_FRAME))
    for chunk in chunks:
        if not is_done and BODY in chunk:
            is_done = True
            chunk = chunk.replace(BODY, BODY + tag("p", back), 1)
        yield chunk


def policy():
    """Return what a browser lets a picture do: run its own script, and be in a frame of ours."""
    return f"{page.policy(page.style(), page.script())}; frame-ancestors 'self'"
