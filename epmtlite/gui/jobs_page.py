"""The page of all jobs."""

from epmtlite.gui import amounts, job_queries, layout, links, wanted_jobs
from epmtlite.gui.markup import joined, tag
from epmtlite.gui.tables import Column, Table
from epmtlite.plot import texts
from usagedb import errors

ROWS = 100  # of a page
MOST_ROWS = 1000  # that a program may ask for
MOST_PAGES = 1_000_000
MOST_TAGS, MOST_HOSTS = 6, 2  # in a row
TAG_LENGTH = 60
CONDITIONS = ("filter", "tag", "user", "host", "cluster", "day", "after", "before")
TIMES = (("24 hours", "-1"), ("7 days", "-7"), ("30 days", "-30"), ("a year", "-365"))
FAILED = "exitcode != 0"
EXAMPLES = (
    FAILED,
    "duration > 3600e6",
    "cpu_time > 60e6 and user != 'root'",
    "tags.exp_name like 'ESM4%'",
    "peak_rss > 4e6 or num_procs > 10000",
    "start between '2026-03-01' and '2026-04-01'",
)
WRITTEN = (
    "cluster", "jobid", "user", "jobname", "zone", "start_local", "end_local", "duration",
    "cpu_time", "num_procs", "num_threads", "peak_rss", "exitcode", "tags",
)  # fmt: skip
NOTE = (
    "Durations and CPU times in conditions are microseconds, peak_rss is kilobytes. There are and,"
    " or, not, ( ), = != < <= > >=, in, like (% any characters, _ one), between, is null."
)


def view(site, asked):
    """Return the View of the jobs that a query asks for. Read-only."""
    rows_per_page = asked.whole("limit", ROWS, MOST_ROWS)
    number = asked.whole("page", 1, MOST_PAGES)
    error, jobs, count = "", [], 0
    try:
        wanted = wanted_jobs.wanted_of(asked)
        offset = (number - 1) * rows_per_page
        jobs, count = job_queries.page(site.database, wanted, offset, rows_per_page)
    except errors.UsageError as known:
        error = str(known)
    has_clusters = job_queries.has_several_clusters(site.database)
    table = job_table(asked, jobs, has_clusters, error)
    pages = max(1, -(-count // rows_per_page))
    return layout.View(
        "Jobs",
        [
            filter_form(asked, error),
            chips(asked),
            time_links(asked),
            tag("p", counted(count, asked), class_="count", role="status") if not error else None,
            table_form(asked, table, number, pages),
        ],
        section="/",
        status=400 if error else 200,
        data={"error": error} if error else
        {"count": count, "page": number, "pages": pages, "jobs": list(map(plain, jobs))},
    )  # fmt: skip


def plain(job):
    """Return the dictionary of a job as programs get it."""
    return {key: job[key] for key in (*WRITTEN, "hosts")}


def csv_table(site, asked):
    """Return the table of all jobs that are asked for, not of one page, to be written as CSV."""
    wanted = wanted_jobs.wanted_of(asked)
    return Table("jobs", "Jobs", (), job_queries.each(site.database, wanted), written=WRITTEN)


def counted(count, asked):
    """Return how many jobs there are."""
    kind = " with these conditions" if any(asked.all(key) for key in CONDITIONS) else ""
    return f"{count:,} job{'s' * (count != 1)}{kind}"


# what is asked for


def changed(asked, **changes):
    """Return the address of the page with some fields changed, and the first of its pages."""
    kept = [pair for pair in asked.pairs if pair[0] not in (*changes, "page", "format")]
    return links.address("/", *kept, **changes)


def filter_form(asked, error):
    """Return the form with the box for a condition."""
    kept = [pair for pair in asked.pairs if pair[0] in (*CONDITIONS[1:], "order") and pair[1]]
    box = tag(
        "input", type="search", name="filter", id="filter", value=asked.one("filter"),
        placeholder="duration > 3600e6 and exitcode != 0", spellcheck="false", autocomplete="off",
        autocapitalize="off", aria_label="Condition", aria_invalid="true" if error else None,
        aria_describedby="filter-error" if error else None, title="A condition (key: /)",
    )  # fmt: skip
    return layout.form(
        "/",
        tag("div", box, tag("button", "Filter", type="submit"), class_="tools"),
        tag("p", error, class_="error", id="filter-error", role="alert") if error else None,
        layout.hidden(kept),
        tag(
            "details",
            tag("summary", "How to write a condition"),
            tag("p", NOTE),
            tag("ul", [tag("li", tag("a", tag("code", one), href=changed(asked, filter=one)))
                       for one in EXAMPLES]),
        ),
        role="search",
    )  # fmt: skip


def chips(asked):
    """Return the conditions that hold, each with a link that takes it away."""
    found = []
    for pair in asked.pairs:
        key, value = pair
        if key not in CONDITIONS[1:] or not (value.strip() or key == "cluster"):
            continue
        rest = [one for one in asked.pairs if one != pair and one[0] not in ("page", "format")]
        shown = f"{key}: {texts.shown(value) or '(none)'}"
        remove = tag("a", "\u00d7", href=links.address("/", *rest), aria_label=f"Without {shown}")
        found.append(tag("li", shown, " ", remove))
    return tag("ul", found, class_="chips", aria_label="Conditions") if found else None


def time_links(asked):
    """Return the links to the jobs of the last time, and to those that failed."""
    now = asked.one("after")
    found = [
        tag("a", title, href=changed(asked, after=value),
            aria_current="true" if now == value else None)
        for title, value in TIMES
    ]  # fmt: skip
    found.append(tag("a", "any time", href=changed(asked, after=None, before=None, day=None)))
    failed = tag("a", "Jobs that failed", href=changed(asked, filter=FAILED))
    return tag(
        "p", "Begun in the last ", joined(*([one, " "] for one in found)),
        None if asked.one("filter") else ["\u00b7 ", failed], class_="times",
    )  # fmt: skip


# the table


def table_form(asked, table, number, pages):
    """Return the table, in the form that compares jobs."""
    buttons = tag(
        "div",
        tag("button", "Compare the chosen jobs", type="submit", id="compare"),
        tag("a", "CSV of all these jobs", href=changed(asked, format="csv")),
        tag("a", "JSON of this page", href=links.address("/api/jobs", *asked.pairs)),
        class_="tools",
    )
    pages_of_it = page_links(asked, number, pages)
    return layout.form("/compare", layout.block_of(table), pages_of_it, table.rows and buttons)


def page_links(asked, number, pages):
    """Return the links to other pages."""
    if pages == 1 and number == 1:
        return None

    def link(title, page, rel=None):
        if not 1 <= page <= pages or page == number:
            return tag("span", title, class_="muted")
        kept = [pair for pair in asked.pairs if pair[0] not in ("page", "format")]
        return tag("a", title, href=links.address("/", *kept, page=page), rel=rel)

    previous = min(number - 1, pages)
    return tag(
        "nav", link("first", 1), link("\u2190 previous", previous, "prev"),
        tag("span", f"page {number:,} of {pages:,}"), link("next \u2192", number + 1, "next"),
        link("last", pages), class_="pages", aria_label="Pages",
    )  # fmt: skip


def job_table(asked, jobs, has_clusters, error):
    """Return the table of the jobs of a page."""
    columns = [
        Column("jobid", "compare", chooser, of_row=True, is_hidden=True),
        sortable(asked, "job", "jobid", "job", job_cell, of_row=True),
        sortable(asked, "user", "user", "user", user_link),
    ]
    if has_clusters:
        columns.append(sortable(asked, "cluster", "cluster", "cluster", cluster_link))
    columns += [
        Column("hosts", "host", hosts_cell),
        sortable(asked, "start", "start_local", "start", start_cell, of_row=True),
        number(asked, "duration", "duration", amounts.duration),
        number(asked, "cpu_time", "CPU time", amounts.duration),
        number(asked, "num_procs", "processes", amounts.count),
        number(asked, "peak_rss", "peak memory", amounts.memory),
        number(asked, "exitcode", "exit code", exit_cell),
    ]
    empty = "Nothing is shown." if error else "No job meets these conditions."
    if not error and not any(asked.all(key) for key in CONDITIONS):
        empty = "There are no jobs in the database: store some with epmt submit."
    return Table("jobs", "", tuple(columns), jobs, empty=empty, form="cards", below=below)


def sortable(asked, order, key, title, show, of_row=False, is_number=False):
    """Return a column that the jobs can be sorted by: numbers first falling."""
    now = asked.one("order", wanted_jobs.USUAL_ORDER)
    falls_first = is_number or order == "start"
    other = {order: f"-{order}", f"-{order}": order}
    after = other.get(now, f"-{order}" if falls_first else order)
    is_sorted = {order: "ascending", f"-{order}": "descending"}.get(now)
    return Column(key, title, show, is_number, of_row, changed(asked, order=after), is_sorted)


def number(asked, key, title, show):
    """Return a column of numbers."""
    return sortable(asked, key, key, title, show, is_number=True)


def full_name(job):
    """Return cluster/id of a job."""
    return f"{job['cluster']}/{job['jobid']}"


def chooser(job):
    """Return the box that chooses a job to be compared."""
    name = full_name(job)
    return tag(
        "input", type="checkbox", name="job", value=name,
        aria_label=f"Compare {texts.shown(job['jobid'], texts.NAME_LENGTH)}",
    )  # fmt: skip


def job_cell(job):
    """Return the link to a job."""
    path = links.job_path(job["cluster"], job["jobid"])
    return tag("a", texts.shown(job["jobid"], texts.NAME_LENGTH), href=path)


def below(job):
    """Return what its user called a job, and its tags."""
    name = job["jobname"] if job["jobname"] not in ("unknown", "") else None
    shown = name and tag("span", texts.shown(name, texts.NAME_LENGTH), class_="muted")
    return joined(shown and [shown, " "], tag_links(job["tags"]))


def user_link(name):
    """Return the link to the jobs of a user."""
    return links.filter_link(texts.shown(name, texts.NAME_LENGTH), user=name)


def cluster_link(name):
    """Return the link to the jobs of a cluster."""
    return links.filter_link(name or "(none)", cluster=name)


def host_link(name):
    """Return the link to the jobs of a host."""
    return links.filter_link(texts.shown(name, texts.NAME_LENGTH), host=name)


def hosts_cell(names):
    """Return the links to the first hosts of a job."""
    more = f" and {len(names) - MOST_HOSTS:,} more" if len(names) > MOST_HOSTS else None
    return joined([[", " * bool(place), host_link(name)]
                   for place, name in enumerate(names[:MOST_HOSTS])], more)  # fmt: skip


def start_cell(job):
    """Return when a job began, by its own clocks: the day is a link to the jobs of that day."""
    day, _space, clock = job["start_local"].partition(" ")
    shown = tag("span", clock[:8], title=f"{job['start_local']} {job['zone']}")
    return tag("span", links.filter_link(day, day=day), " ", shown, class_="moment")


def exit_cell(code):
    """Return an exit code, which is conspicuous unless it is 0."""
    return tag("strong", str(code), class_="bad") if code else "0"


def tag_links(tags, most=MOST_TAGS):
    """Return the tags of a job, each a link to the jobs that have it."""
    found = [tag_link(key, value) for key, value in sorted(tags.items())]
    more = f" and {len(found) - most:,} more" if len(found) > most else None
    return joined([[one, " "] for one in found[:most]], more)


def tag_link(key, value):
    """Return a tag as a link to the jobs that have it; those that cannot be written are none."""
    shown = texts.shown(f"{key}: {value}", TAG_LENGTH)
    wanted = links.tag_condition(key, value)
    if not wanted:
        return tag("span", shown, class_="tag")
    return tag("a", shown, href=links.address("/", tag=wanted), class_="tag")
