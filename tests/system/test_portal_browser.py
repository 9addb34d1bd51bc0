"""The portal of a made-up cluster in a real browser: what each role finds, and how it is used.

With $HPCUSAGE_SCREENSHOTS, pictures of the pages are put into the directory of that name.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.services import require_service
from tests.system.portal_process import LOGIN, PortalServer
from userportal.configuration import read_configuration
from userportal.demo.make import Demo, make_demo
from userportal.demo.sizes import Sizes
from userportal.people import people_for
from userportal.slurm.model import Job, JobFilter
from userportal.sources import Sources

ROLES = ("user", "manager", "helper", "staff")
SIZES = Sizes(days=4, users=12, jobs_per_day=40, cpu_nodes=6, gpu_nodes=2, large_nodes=1,
              cores=8, counter_nodes=3)  # fmt: skip
# Jobs of each kind that have a page of their own sort.
KINDS: "dict[str, Callable[[Job], bool]]" = {
    "cpu": lambda job: job.state_name == "COMPLETED" and not job.gpus and has_run(job),
    "gpu": lambda job: bool(job.gpus) and has_run(job),
    "array": lambda job: job.array_task_id is not None and has_run(job, 600),
    "running": lambda job: job.state_name == "RUNNING" and has_run(job),
    "pending": lambda job: job.state_name == "PENDING",
    "failed": lambda job: job.state_name in ("FAILED", "OUT_OF_MEMORY", "TIMEOUT"),
    "several nodes": lambda job: job.node_count > 1 and has_run(job),
}
# What stands in addresses as it is; all other parts name somebody or something.
WORDS = frozenset((
    "secure", "jobstats", "accountstats", "cloudstats", "quotas", "usersummary", "top", "search",
    "nodes", "notes", "new", "slurm", "suite", "modules", "accounts", "tokens", "compute",
    "gpucompute", "largemem", "lustre", "account_priority", "filesystems", "logins", "dtns",
    "scheduler", "software", "project", "login", "query",
))  # fmt: skip
NO_PAGES = re.compile(r"/(?:static|api|admin|i18n|jsi18n)/|report\.txt|\.json|\.html|logout")
ALONE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
TELEPHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 860}
NOTHING_LOADS = """() => [...document.querySelectorAll("[data-graph]")].every((card) => {
  const state = card.querySelector(".graph-state");
  return card.getAttribute("aria-busy") === "false" && !state.classList.contains("loading");
})"""
SCROLL_ALL = """async () => {
  for (const card of document.querySelectorAll("[data-graph]")) {
    card.scrollIntoView({ behavior: "instant" });
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  }
  window.scrollTo({ top: 0, behavior: "instant" });
}"""
FAILED_CARDS = """() => [...document.querySelectorAll(".graph-state.failed")].map(
  (state) => `${state.closest("section").id}: ${state.textContent}`)"""


def has_run(job: Job, seconds: int = 1800) -> bool:
    """Tell whether a job ran long enough to be measured."""
    return bool(job.start) and job.elapsed_seconds(job.end or 1 << 40) > seconds


def expect(locator: Any) -> Any:
    """Return playwright's assertions, which wait for what they want."""
    from playwright.sync_api import expect as wait_and_look

    return wait_and_look(locator)


@dataclass
class Site:
    """The demo's portal in a process of its own."""

    demo: Demo
    server: PortalServer
    jobs: "dict[str, str]"  # kind of a job -> path of its page

    def login(self, role: str) -> Any:
        """Return the Login of a role."""
        return next(login for login in self.demo.logins if login.role == role)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Make the demo and serve it."""
    require_service(modules=["django", "gunicorn", "plotly", "playwright"])
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        demo = make_demo(Path(directory, "made"), sizes=SIZES)
        server = PortalServer(Path(directory, "server"), demo.configuration)
        server.start()
        yield Site(demo, server, paths_of_jobs(demo))
        server.stop()


def paths_of_jobs(demo: Demo) -> "dict[str, str]":
    """Return the path of the newest job of each kind."""
    configuration = read_configuration(demo.configuration)
    people = people_for(configuration)
    with Sources(configuration).slurm() as slurm:
        jobs = slurm.page(JobFilter(), "-submit", 0, 1000).jobs
    found = {}
    for kind, fits in KINDS.items():
        job = next(job for job in jobs if fits(job))
        found[kind] = f"/secure/jobstats/{people.username_of(job.user_id)}/{job.job_id}/"
    return found


class Reader:
    """Somebody with a browser; what its console tells and which hosts it asks are kept."""

    def __init__(self, site: Site, context: Any) -> None:
        """Open an empty page."""
        self.site, self.context, self.page = site, context, context.new_page()
        self.messages: list[str] = []
        self.addresses: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.addresses.append(request.url))

    def login(self, role: str) -> "Reader":
        """Log in with the form, as somebody of that role."""
        login = self.site.login(role)
        self.page.goto(LOGIN)
        self.page.get_by_label("Username").fill(login.username)
        self.page.get_by_label("Password").fill(login.password)
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("button", name="Log in").click()
        return self

    def visit(self, path: str) -> Any:
        """Open a page, and wait until its graphs and tables are there; return the page."""
        response = self.page.goto(path)
        assert response.status == 200, f"{path}: {response.status}"
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until all graphs and tables of the page are there."""
        self.page.evaluate(SCROLL_ALL)
        self.page.wait_for_function(NOTHING_LOADS)
        table = self.page.locator("[data-job-table]")
        if table.count():
            expect(table.first).to_have_attribute("aria-busy", "false")

    def picture(self, name: str, whole: bool = True) -> None:
        """Keep a picture of the page, if pictures are wanted."""
        wanted = os.environ.get("HPCUSAGE_SCREENSHOTS")
        if wanted:
            directory = Path(wanted)
            directory.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=directory / f"{name}.png", full_page=whole)

    def links(self) -> "list[str]":
        """Return the paths of the pages that this one leads to."""
        found = self.page.eval_on_selector_all("a[href]", "all => all.map((one) => one.href)")
        paths = [urlsplit(url) for url in found if url.startswith(self.site.server.url)]
        return [one.path for one in paths if not NO_PAGES.search(one.path)]

    def faults(self) -> "list[str]":
        """Return what must not be: messages of the console, requests to others, failed graphs."""
        own = (self.site.server.url, "data:", "blob:")
        foreign = [address for address in self.addresses if not address.startswith(own)]
        failed = self.page.evaluate(FAILED_CARDS)
        return [*self.messages, *foreign, *failed]


@pytest.fixture
def opened(browser: Any, site: Site) -> Iterator[Callable[..., Reader]]:
    """Give a function that opens a fresh browser profile; options are those of new_context."""
    contexts = []

    def open_one(**options: Any) -> Reader:
        usual = {"viewport": DESKTOP, "locale": "en-CA", "timezone_id": "America/Toronto"}
        contexts.append(browser.new_context(base_url=site.server.url, **{**usual, **options}))
        return Reader(site, contexts[-1])

    yield open_one
    for context in contexts:
        context.close()


def shape(path: str) -> "tuple[str, ...]":
    """Return what pages of one kind have in common in their addresses."""
    return tuple(part if part in WORDS else "*" for part in path.strip("/").split("/"))


# Pages ------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_each_role_can_open_every_page_that_it_is_led_to(
    opened: "Callable[..., Reader]", role: str
) -> None:
    reader = opened().login(role)
    menu = reader.page.eval_on_selector_all("#menu a", "all => all.map((one) => one.pathname)")
    waiting, seen = [*menu, *reader.links()], set()
    assert len(menu) >= {"user": 10, "manager": 10, "helper": 12, "staff": 13}[role]
    while waiting:
        path = waiting.pop(0)
        if shape(path) in seen:
            continue
        seen.add(shape(path))
        page = reader.visit(path)
        assert page.locator("h1").count() == 1, path
        assert reader.faults() == [], path
        assert page.evaluate(ALONE) <= 0, path
        reader.picture(f"{role}-{'-'.join(shape(path)).replace('*', 'x') or 'home'}")
        waiting += reader.links()
    assert {shape(path) for path in menu} <= seen
    assert ("secure", "jobstats", "*", "*") in seen
    assert (("secure", "notes", "new") in seen) == (role == "staff")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_each_kind_of_job_is_whole(
    opened: "Callable[..., Reader]", site: Site, kind: str
) -> None:
    reader = opened().login("staff")
    page = reader.visit(site.jobs[kind])
    drawn = page.locator("[data-graph] .main-svg").count()
    assert drawn > 0 if kind != "pending" else drawn == 0
    if kind in ("cpu", "running", "several nodes"):  # a task of an array may be too short
        expect(page.locator("#graph-cpu .main-svg").first).to_be_visible()
    if kind == "gpu":
        expect(page.locator("#graph-gpu_utilization .main-svg").first).to_be_visible()
        assert page.get_by_role("meter", name="GPUs").count() == 1
    if kind == "array":
        assert page.locator("ul.tasks a").count() > 1
    if kind == "pending":
        expect(page.locator("main")).to_contain_text("The job has not started.")
    expect(page.locator("pre.script")).to_contain_text("#!/bin/bash")
    reader.picture(f"job-{kind.replace(' ', '-')}")
    assert reader.faults() == []


def test_without_a_login_the_public_pages_are_there(opened: "Callable[..., Reader]") -> None:
    reader = opened()
    reader.visit("/")
    for path in reader.page.eval_on_selector_all("#menu a", "all => all.map((a) => a.pathname)"):
        reader.visit(path)
        assert reader.faults() == [], path
    reader.page.goto("/secure/jobstats/")
    assert urlsplit(reader.page.url).path == LOGIN
    assert reader.messages == []


# Graphs -----------------------------------------------------------------------


def drag(page: Any, card: str) -> None:
    """Draw a frame around the middle half of a graph."""
    card_drawn = page.locator(f"{card} .nsewdrag").first
    card_drawn.scroll_into_view_if_needed()
    box = card_drawn.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, middle, steps=6)
    page.mouse.up()


def test_a_zoom_asks_for_the_time_between_start_and_end(
    opened: "Callable[..., Reader]", site: Site
) -> None:
    reader = opened().login("staff")
    page = reader.visit(site.jobs["cpu"])
    card = "#graph-cpu"
    shown = "() => document.querySelector('#graph-cpu .drawing').data[0].x"
    before = page.evaluate(shown)
    with page.expect_response(re.compile(r"/graph/cpu\.json\?")) as asked:
        drag(page, card)
    query = {name: int(text[0]) for name, text in parse_qs(urlsplit(asked.value.url).query).items()}
    assert set(query) == {"start", "end"}
    reader.settle()
    after = page.evaluate(shown)
    assert asked.value.status == 200
    assert before[0] < after[0] < after[-1] < before[-1]
    reader.picture("job-zoomed", whole=False)
    with page.expect_response(re.compile(r"/graph/cpu\.json$")):
        page.locator(card).get_by_role("button", name="Whole time").click()
    reader.settle()
    assert page.evaluate(shown) == before
    assert reader.faults() == []


def test_a_month_of_a_user_is_one_click_away(opened: "Callable[..., Reader]", site: Site) -> None:
    reader = opened().login("user")
    page = reader.visit(f"/secure/jobstats/{site.login('user').username}/")
    tools = page.locator("[data-graph-tools]")
    with page.expect_response(re.compile(r"/graph/cpu\.json\?delta=2592000")):
        tools.get_by_role("button", name="Month").click()
    reader.settle()
    assert reader.faults() == []


# The table of jobs --------------------------------------------------------------


@pytest.fixture
def jobs_page(opened: "Callable[..., Reader]", site: Site) -> Reader:
    """Give the page of the demo's user."""
    reader = opened().login("user")
    reader.visit(f"/secure/jobstats/{site.login('user').username}/")
    return reader


def column(page: Any, place: int) -> "list[str]":
    """Return the texts of a column of the table of jobs, from 1 on."""
    cells = page.locator(f"[data-job-table] tbody td:nth-child({place})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_the_table_shows_the_jobs_of_one_state(jobs_page: Reader) -> None:
    page = jobs_page.page
    assert len(column(page, 1)) == 10
    assert len(set(column(page, 2))) > 1
    page.locator(".states summary").click()
    with page.expect_response(re.compile(r"/api/jobs/\?.*status=Failed")):
        page.locator(".states").get_by_text("Failed", exact=True).click()
    jobs_page.settle()
    assert set(column(page, 2)) == {"Failed"}
    jobs_page.picture("table-states", whole=False)
    assert "status=Failed" in page.url
    page.reload()
    jobs_page.settle()
    assert set(column(page, 2)) == {"Failed"}
    page.go_back()
    jobs_page.settle()
    assert len(set(column(page, 2))) > 1
    assert jobs_page.faults() == []


def test_the_table_is_sorted_and_paged_by_the_server(jobs_page: Reader) -> None:
    page = jobs_page.page
    header = page.locator("th[data-name=id_job] button")
    with page.expect_response(re.compile(r"order%5B0%5D%5Bcolumn%5D=0&")):
        header.click()
    jobs_page.settle()
    assert page.locator("th[data-name=id_job]").get_attribute("aria-sort") == "descending"
    first = [int(number.partition("_")[0]) for number in column(page, 1)]
    assert first == sorted(first, reverse=True)
    with page.expect_response(re.compile(r"start=10&")):
        page.get_by_role("button", name="Next").click()
    jobs_page.settle()
    second = [int(number.partition("_")[0]) for number in column(page, 1)]
    assert max(second) < min(first)
    expect(page.locator(".table-state")).to_contain_text("Jobs 11 to 20 of")
    page.get_by_label("Rows").select_option("100")
    expect(page.locator("[data-job-table] tbody tr").nth(10)).to_be_visible()
    assert jobs_page.faults() == []


def test_a_search_finds_a_job_by_its_number(jobs_page: Reader) -> None:
    page = jobs_page.page
    number = column(page, 1)[3]
    with page.expect_response(re.compile(rf"search%5Bvalue%5D={number}")):
        page.get_by_role("search").get_by_label("Search").fill(number)
    expect(page.locator("[data-job-table] tbody tr")).to_have_count(1)
    assert column(page, 1) == [number]
    page.get_by_role("search").get_by_label("Search").fill("<img src=x onerror=alert(1)>")
    expect(page.locator(".table-state")).to_contain_text("There are no such jobs.")
    assert jobs_page.faults() == []


# Language, colours, keyboard, telephone -----------------------------------------


def choose(page: Any, name: str) -> None:
    """Press a button among the choices at the top."""
    page.locator(".choices-button").click()
    page.locator("#choices").get_by_role("button", name=name, exact=True).click()


def test_the_language_is_french_until_it_is_english_again(jobs_page: Reader) -> None:
    page = jobs_page.page
    english = page.locator("#menu a").all_inner_texts()
    choose(page, "français")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    jobs_page.settle()
    jobs_page.picture("french-user")
    french = page.locator("#menu a").all_inner_texts()
    assert len(french) == len(english)
    assert not {"My jobs", "Storage", "Login nodes"} & set(french)
    page.locator("[data-job-table] tbody a").first.click()
    jobs_page.settle()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    jobs_page.picture("french-job")
    choose(page, "English")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    jobs_page.settle()
    assert page.locator("#menu a").all_inner_texts() == english
    assert jobs_page.faults() == []


GROUND = "() => getComputedStyle(document.documentElement).backgroundColor"


def lightness(page: Any) -> int:
    """Return the sum of red, green and blue behind the page."""
    return sum(map(int, re.findall(r"\d+", page.evaluate(GROUND))[:3]))


def test_the_colours_are_those_that_were_chosen(
    opened: "Callable[..., Reader]", site: Site
) -> None:
    reader = opened(color_scheme="light").login("staff")
    page = reader.visit(site.jobs["cpu"])
    assert lightness(page) > 600
    choose(page, "Dark")
    assert lightness(page) < 200
    page.keyboard.press("Escape")
    reader.picture("dark-job")
    for name, path in (
        ("user", f"/secure/jobstats/{site.login('user').username}/"),
        ("nodes", "/secure/nodes/"), ("top", "/secure/top/compute/"), ("home", "/"),
    ):  # fmt: skip
        reader.visit(path)
        assert lightness(page) < 200
        reader.picture(f"dark-{name}")
    choose(page, "Light")
    page.reload()
    assert lightness(page) > 600
    choose(page, "As the system")
    page.emulate_media(color_scheme="dark")
    assert lightness(page) < 200
    assert reader.faults() == []


def focused(page: Any) -> "dict[str, str]":
    """Return what has the focus: its address and its text."""
    script = "() => ({href: document.activeElement.getAttribute('href') ?? '',"
    return dict(page.evaluate(script + " text: document.activeElement.innerText ?? ''})"))


def test_the_keyboard_alone_leads_from_the_skip_link_to_a_job(jobs_page: Reader) -> None:
    page = jobs_page.page
    page.keyboard.press("Tab")
    assert focused(page)["href"] == "#content"
    expect(page.locator(".skip")).to_be_in_viewport()
    jobs_page.picture("keyboard-skip", whole=False)
    page.keyboard.press("Enter")
    job = re.compile(r"/secure/jobstats/[^/]+/\d+/")
    stops = 0
    while not job.fullmatch(focused(page)["href"]):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 60, "no job is reached"
    target = focused(page)["href"]
    jobs_page.picture("keyboard-job", whole=False)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
    jobs_page.settle()
    assert jobs_page.faults() == []


def test_nothing_is_wider_than_a_telephone(opened: "Callable[..., Reader]", site: Site) -> None:
    reader = opened(viewport=TELEPHONE, has_touch=True, is_mobile=True).login("staff")
    menu = reader.page.eval_on_selector_all("#menu a", "all => all.map((one) => one.pathname)")
    user = f"/secure/jobstats/{site.login('user').username}/"
    for path in [*menu, user, *site.jobs.values(), "/accounts/tokens/"]:
        page = reader.visit(path)
        assert page.evaluate(ALONE) <= 0, path
        assert reader.faults() == [], path
        reader.picture(f"telephone-{'-'.join(shape(path)).replace('*', 'x')}")
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#menu").get_by_text("Nodes", exact=True)).to_be_in_viewport()
    reader.picture("telephone-menu", whole=False)


def test_who_logs_out_sees_no_job_any_more(jobs_page: Reader) -> None:
    page, path = jobs_page.page, urlsplit(jobs_page.page.url).path
    with page.expect_navigation():
        choose(page, "Log out")
    page.goto(path)
    assert urlsplit(page.url).path == LOGIN
    page.go_back()
    assert jobs_page.faults() == []
