"""epmt gui in a real browser: one walk through all pages."""

import re

import pytest

from tests.epmtlite.made_experiment import SLOW, write_experiment
from tests.epmtlite.made_jobs import epmt


class Walk:
    """A window of the browser; what its pages complain of is kept."""

    def __init__(self, browser, gui, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list = []
        self.asked: list = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(gui.address)

    def heading(self):
        """Return the title on the page."""
        return self.page.locator("h1").first.inner_text()

    def fits(self):
        """Tell whether nothing is wider than the window."""
        script = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        return self.page.evaluate(script)


@pytest.fixture
def gui(sqlite_site, tmp_path, start):
    """An epmt gui with an experiment."""
    epmt(sqlite_site, "submit", *write_experiment(tmp_path / "jobs"))
    return start(sqlite_site)


@pytest.fixture
def walk(browser, gui):  # noqa: F811
    """A function that opens a window on the pages."""
    opened = []

    def open_window(**options):
        opened.append(Walk(browser, gui, **options))
        return opened[-1]

    yield open_window
    for one in opened:
        one.context.close()
        assert one.complaints == []
        base = gui.address.partition("?")[0]
        assert all(address.startswith(base) for address in one.asked)


@pytest.mark.parametrize("width", [1300, 360])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_all_pages_can_be_walked_through(walk, gui, width, colours):
    one = walk(viewport={"width": width, "height": 800}, color_scheme=colours)
    page = one.page
    assert gui.token not in page.url and page.url.endswith("/")
    assert "10 jobs" in page.inner_text(".count") and one.fits()

    page.keyboard.press("/")  # leads into the box
    page.keyboard.type("tags.exp_component = 'ice' and duration > 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**filter=**")
    assert "5 jobs with these conditions" in page.inner_text(".count")
    assert page.locator("#compare").is_disabled()
    boxes = page.locator("input[name=job]")
    for place in range(4):
        boxes.nth(place).check()
    assert page.inner_text("#compare") == "Compare the chosen jobs (4)"
    page.click("#compare")
    page.wait_for_url("**/compare?**")
    frame = page.frame_locator("iframe.picture")
    frame.locator("canvas").first.wait_for()
    assert one.heading() == "4 jobs compared" and one.fits()
    page.go_back()
    assert page.inner_text("#compare") == "Compare the chosen jobs (4)"

    page.get_by_role("link", name=SLOW, exact=True).click()
    page.wait_for_url(f"**/job//{SLOW}")
    frame = page.frame_locator("iframe.picture")
    frame.locator("canvas.timeline").wait_for()
    page.wait_for_function(
        "() => { const frame = document.querySelector('iframe');"
        " const inner = frame.contentDocument.documentElement;"
        " return inner.scrollHeight <= inner.clientHeight + 1 && inner.clientHeight > 600; }"
    )  # it is as high as what is in it
    assert one.fits() and "model" in page.inner_text("#programs")

    page.get_by_role("link", name="on a page of its own").click()
    page.wait_for_url(f"**/picture//{SLOW}")
    page.get_by_role("link", name=re.compile("Job ")).first.click()
    page.wait_for_url(f"**/job//{SLOW}")

    for name, title in (("Experiments", "Experiments"), ("Outliers", "Outliers"),
                        ("Models", "Reference models"), ("Jobs", "Jobs")):  # fmt: skip
        page.locator("header nav").get_by_role("link", name=name).click()
        page.wait_for_function("title => document.querySelector('h1').innerText === title",
                               arg=title)  # fmt: skip
        assert one.fits()
    page.goto(gui.address.partition("?")[0] + "experiment?name=esm")
    assert "ice" in page.inner_text("#components") and one.fits()
    page.get_by_role("link", name="its outliers").click()
    page.wait_for_url("**/outliers?**")
    assert SLOW in page.inner_text("#outliers") and one.fits()


def test_a_column_is_sorted_with_the_keyboard(walk):
    page = walk().page
    link = page.locator("thead a", has_text="duration")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**order=-duration")
    assert page.locator("tbody tr").first.inner_text().startswith(("\t" + SLOW, SLOW))
    page.go_back()
    assert "order" not in page.url


def test_pages_work_without_javascript(walk):
    page = walk(java_script_enabled=False).page
    page.locator("input[name=job]").nth(0).check()
    page.locator("input[name=job]").nth(1).check()
    page.click("#compare")
    assert page.locator("h1").inner_text() == "2 jobs compared"


def test_a_page_elsewhere_leads_in_with_the_token(walk, gui, tmp_path):
    one = walk()
    one.page.wait_for_load_state("networkidle")  # the icon, too, came with the cookie
    one.context.clear_cookies()
    path = tmp_path / "elsewhere.html"
    path.write_text(f'<a href="{gui.address}">in</a>')
    one.page.goto(path.as_uri())
    one.page.click("a")
    one.page.locator("h1").wait_for()
    assert one.heading() == "Jobs" and gui.token not in one.page.url
    one.asked.remove(path.as_uri())


def test_another_page_cannot_show_ours(walk, gui, tmp_path):
    one = walk()
    path = tmp_path / "frame.html"
    path.write_text(f'<iframe src="{gui.address.partition("?")[0]}"></iframe>')
    one.page.goto(path.as_uri())
    assert "Jobs" not in one.page.frames[1].locator("body").inner_text()
    assert all("403" in one or "frame" in one for one in one.complaints)
    one.complaints.clear()
    one.asked[:] = [one for one in one.asked if one.startswith("http")]
