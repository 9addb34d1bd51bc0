"""The pages in a real browser: graphs, tables, colours, keyboard, a telephone."""

import csv
import io
import re

import pytest

from userportal.metrics.figure import Figure

# Widths of the page that must not be scrolled sideways.
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FIRST_TIME = "() => document.querySelector('#graph-cpu .drawing').data[0].x[0]"


def expect(locator):
    """Return playwright's assertions, which wait for what they want."""
    from playwright.sync_api import expect as wait_and_look

    return wait_and_look(locator)


def wait_for_graph(page, name="cpu"):
    """Wait until a graph is drawn and not busy."""
    page.wait_for_selector(f"#graph-{name}[aria-busy=false] .main-svg")


def one_graph(open_page, name="cpu", **options):
    """Open a page with one graph, wait for it and return the page."""
    page = open_page(f"/one/?url=/graph/{name}.json", **options)
    wait_for_graph(page)
    return page


def parameters(query):
    """Return the parameters of a query that the gallery was asked."""
    return dict(pair.split("=") for pair in query.split("?")[1].split("&") if pair)


def test_a_page_with_graphs_and_tables_leaves_the_console_empty(open_page):
    for scheme in ("light", "dark"):
        page = one_graph(open_page, color_scheme=scheme)
        page.locator(".graph-tools").get_by_role("button", name="Show as a table").click()
        page.set_viewport_size({"width": 500, "height": 700})
        page.mouse.move(300, 250)
        assert page.messages == []


@pytest.mark.parametrize("width", [360, 768, 1400])
def test_no_page_is_scrolled_sideways(open_page, width):
    page = open_page(viewport={"width": width, "height": 740})
    page.locator("#graph-cpu").scroll_into_view_if_needed()
    wait_for_graph(page)
    page.wait_for_selector(".job-table tbody tr")
    assert page.evaluate(OVERFLOW) <= 0
    for path in ("/nowhere/", "/fail/403/"):
        page.goto(path)
        assert page.evaluate(OVERFLOW) <= 0


def test_times_of_a_graph_are_the_readers(open_page):
    toronto = one_graph(open_page)
    assert toronto.evaluate(FIRST_TIME) == "2026-11-20 07:00:00"
    tokyo = one_graph(open_page, timezone_id="Asia/Tokyo")
    assert tokyo.evaluate(FIRST_TIME) == "2026-11-20 21:00:00"


def test_the_first_page_is_already_in_the_readers_zone(open_page, gallery):
    page = open_page()
    assert page.locator("main .lead time").inner_text() == "2026-11-21 07:00"
    assert page.locator("[data-zone]").inner_text() == "America/Toronto"
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    assert cookies["portal_zone"] == "America/Toronto"


@pytest.mark.parametrize("zone", ["America/Toronto", "Asia/Kolkata", "UTC"])
def test_a_zoom_asks_again_for_the_time_that_is_shown(open_page, gallery, zone):
    page = one_graph(open_page, timezone_id=zone)
    gallery.asked()
    box = page.locator("#graph-cpu .nsewdrag").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, middle, steps=5)
    with page.expect_response("**/graph/cpu.json?*"):
        page.mouse.up()
    wait_for_graph(page)
    found = {name: int(value) for name, value in parameters(gallery.asked()[-1]).items()}
    noon = 1_795_262_400
    assert abs(found["start"] - (noon - 64_800)) < 900
    assert abs(found["end"] - (noon - 21_600)) < 900
    with page.expect_response("**/graph/cpu.json"):
        page.get_by_role("button", name="Whole time").click()
    assert gallery.asked() == ["cpu?"]


def test_the_keyboard_zooms_and_moves(open_page, gallery):
    page = one_graph(open_page)
    gallery.asked()
    page.get_by_role("button", name="Hour").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Zoom in"
    with page.expect_response("**/graph/cpu.json?*"):
        page.keyboard.press("Enter")
    wait_for_graph(page)
    found = {name: int(value) for name, value in parameters(gallery.asked()[-1]).items()}
    assert 43_000 <= found["end"] - found["start"] <= 43_500


def test_a_toolbar_is_one_stop_of_the_tabulator(open_page):
    page = one_graph(open_page)
    stops = page.locator(".graph-tools button:not([tabindex='-1'])")
    assert stops.count() == 1


def test_a_window_is_asked_for_by_its_seconds(open_page, gallery):
    page = one_graph(open_page)
    gallery.asked()
    with page.expect_response("**/graph/cpu.json?*"):
        page.get_by_role("button", name="Hour").click()
    wait_for_graph(page)
    assert gallery.asked() == ["cpu?delta=3600"]
    assert page.get_by_role("button", name="Hour").get_attribute("aria-pressed") == "true"


def test_all_graphs_of_a_page_zoom_together_if_that_is_wanted(open_page, gallery):
    page = open_page()
    wait_for_graph(page)
    wait_for_graph(page, "memory")
    page.get_by_label("Zoom all graphs together").check()
    gallery.asked()
    with page.expect_response("**/graph/memory.json?start=*"):
        page.locator("#graph-cpu").get_by_role("button", name="Zoom in").click()
    asked = [query for query in gallery.asked() if query.startswith(("cpu", "memory"))]
    assert len({query.split("?")[1] for query in asked}) == 1


def test_series_are_found_by_a_part_of_their_name(open_page):
    page = one_graph(open_page, "many")
    page.get_by_role("button", name="Filter series").click()
    page.keyboard.type("CORE 1")
    expect(page.locator("#graph-cpu .legendtext")).to_have_text(["core 1", "core 10", "core 11"])


def test_a_busy_server_is_asked_again(open_page, gallery):
    gallery.asked()
    one_graph(open_page, "flaky")
    assert [query.split("?")[0] for query in gallery.asked()] == ["flaky"] * 3


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", "No data for this time."), ("down", "The history does not answer."),
     ("bug", "The portal could not make this graph.")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told(open_page, name, words):
    page = open_page(f"/one/?url=/graph/{name}.json")
    expect(page.locator(".graph-state")).to_contain_text(words)
    assert not page.locator("#graph-cpu .drawing").is_visible()


def test_names_of_series_are_never_markup(open_page):
    page = one_graph(open_page, "hostile")
    page.get_by_role("button", name="Show as a table").click()
    assert page.locator("#graph-cpu img").count() == 0
    assert page.locator(".graph-table th").nth(1).inner_text() == "<img src=x onerror=alert(1)>"
    assert page.messages == []


BOXES = """() => [".legend", ".nsewdrag"].map((name) =>
  document.querySelector(`#graph-many ${name}`)?.getBoundingClientRect().toJSON())"""


@pytest.mark.parametrize(
    ("names", "width"), [(20, 1280), (20, 700), (6, 360), (60, 1280), (20, 360)]
)
def test_a_legend_leaves_room_for_the_drawing(open_page, names, width):
    page = one_graph(open_page, f"many{names}", viewport={"width": width, "height": 740})
    page.evaluate("() => { document.querySelector('[data-graph]').id = 'graph-many'; }")
    legend, drawn = page.evaluate(BOXES)
    assert drawn["height"] > 110
    has_legend = names <= (20 if width > 480 else 6)
    assert (legend is not None) == has_legend
    if has_legend:
        assert 0 < page.locator("#graph-many .legend .bg").bounding_box()["height"] <= 80


def test_the_data_can_be_had_as_csv_in_utc(open_page):
    page = one_graph(open_page, "hostile")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as stream:  # noqa: PTH123
        rows = list(csv.reader(io.StringIO(stream.read())))
    assert rows[0] == ["time", "<img src=x onerror=alert(1)>", "'=1+1"]
    assert rows[1][0] == "2026-11-21T11:00:00.000Z"
    assert rows[-1][0] == "2026-11-21T12:00:00.000Z"
    assert float(rows[1][1]) == pytest.approx(4, abs=1)


def test_a_graph_can_be_had_as_a_picture(open_page):
    page = one_graph(open_page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as a picture").click()
    with open(download.value.path(), "rb") as stream:  # noqa: PTH123
        assert stream.read(8) == b"\x89PNG\r\n\x1a\n"
    assert page.messages == []


def test_graphs_far_below_are_not_loaded(open_page, gallery):
    gallery.asked()
    page = open_page(viewport={"width": 400, "height": 600})
    page.locator("#graph-cpu").scroll_into_view_if_needed()
    wait_for_graph(page)
    assert not any(query.startswith("many") for query in gallery.asked())
    page.locator("#graph-many").scroll_into_view_if_needed()
    wait_for_graph(page, "many")


TICKS = """([data, layout]) => {
  const drawing = document.createElement("div");
  document.querySelector("main").append(drawing);
  return Plotly.newPlot(drawing, data, { ...layout, width: 600, height: 300 }).then(() =>
    [...drawing.querySelectorAll(".ytick text")].map((text) => text.textContent));
}"""


@pytest.mark.parametrize(
    ("unit", "highest", "ticks"),
    [
        ("GiB", 2000, ["0GiB", "500GiB", "1,000GiB", "1,500GiB", "2,000GiB"]),
        ("%", 0.002, ["0%", "0.0005%", "0.001%", "0.0015%", "0.002%"]),
        ("B/s", 2000, ["0B/s", "500B/s", "1kB/s", "1.5kB/s", "2kB/s"]),
        (" cores", 2e6, ["0 cores", "500k cores", "1M cores", "1.5M cores", "2M cores"]),
    ],
)
def test_an_axis_shows_one_prefix_at_the_most(open_page, unit, highest, ticks):
    figure = Figure("Some", unit, maximum=highest)
    figure.add_points("a", [0, 3600], [0, highest])
    found = figure.as_dict()
    page = one_graph(open_page)
    assert page.evaluate(TICKS, [found["data"], found["layout"]]) == ticks


def test_a_graph_tells_its_figures_in_words(open_page):
    page = one_graph(open_page)
    summary = page.locator(".graph-summary").text_content()
    assert re.match(r"2 series\. Requested: mean [\d.]+, highest [\d.]+; Used: mean", summary)


def test_the_colours_are_switched_and_remembered(open_page):
    page = one_graph(open_page)
    ink = "getComputedStyle(document.body).color"
    light = page.evaluate(ink)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(ink)
    assert dark != light
    expect(page.locator(".drawing .xtick text").first).to_have_css("fill", dark)
    page.reload()
    assert page.evaluate(ink) == dark


def test_the_language_is_switched(open_page):
    page = open_page("/nowhere/")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="français").click()
    page.wait_for_selector("html[lang=fr]")
    assert page.url.endswith("/nowhere/")


def rows_of(page):
    """Wait for the table and return the text of its cells."""
    page.wait_for_selector(".job-table[aria-busy=false]")
    script = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    return page.locator(".job-table tbody tr").evaluate_all(script)


def first_job(page):
    """Return the locator of the first job's number."""
    return page.locator(".job-table tbody a").first


def test_the_job_table_shows_the_latest_jobs_first(open_page):
    page = open_page()
    rows = rows_of(page)
    assert len(rows) == 10
    assert rows[0][:3] == ["1522", "Cancelled", "run <522>"]
    assert page.locator(".job-table tbody a").first.get_attribute("href") == "/jobs/ann/1522/"
    assert page.locator(".table-state").inner_text() == "Jobs 1 to 10 of 523"


TABLE_OVERFLOW = """() => {
  const table = document.querySelector(".job-table .scroll");
  return table.scrollWidth - table.clientWidth;
}"""


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_column_of_the_job_table_is_cut_beside_the_menu(open_page, language):
    page = open_page("/?length=100", locale=language, viewport={"width": 1280, "height": 860})
    assert len(rows_of(page)) == 100
    heads = page.locator(".job-table thead th").all_inner_texts()
    assert heads[-1] == {"en": "Used time", "fr": "Temps utilisé"}[language]
    assert page.evaluate(TABLE_OVERFLOW) <= 0


def test_the_job_table_is_paged_sorted_and_filtered_and_back_goes_back(open_page):
    page = open_page()
    rows_of(page)
    page.get_by_role("button", name="Next").click()
    expect(first_job(page)).to_have_text("1512")
    page.get_by_role("button", name="Submitted").press("Enter")
    expect(first_job(page)).to_have_text("1000")
    assert page.locator("th[data-name=time_submit]").get_attribute("aria-sort") == "ascending"
    page.locator(".states summary").press("Enter")
    page.get_by_label("Failed", exact=True).check()
    expect(first_job(page)).to_have_text("1005")
    assert {row[1] for row in rows_of(page)} == {"Failed"}
    assert "status=Failed" in page.url
    page.reload()
    assert {row[1] for row in rows_of(page)} == {"Failed"}
    page.go_back()
    expect(first_job(page)).to_have_text("1000")
    page.go_back()
    expect(first_job(page)).to_have_text("1512")


def test_one_can_go_to_any_page_and_no_further(open_page):
    page = open_page("/?page=99999&sort=nonsense&length=7&status=Nonsense")
    assert rows_of(page)[-1][0] == "1000"
    field = page.get_by_label("Page", exact=True)
    field.fill("2")
    field.press("Enter")
    expect(first_job(page)).to_have_text("1512")


def test_a_failing_table_says_so_and_can_be_tried_again(open_page):
    page = open_page("/?search=break")
    page.wait_for_selector(".table-state.failed")
    assert page.locator(".table-state").inner_text().startswith("The jobs could not be loaded.")
    page.get_by_label("Search").fill("run <52>")
    expect(page.locator(".job-table tbody tr")).to_have_count(1)


def test_a_table_of_a_reader_who_asks_too_much_at_once_is_asked_for_again(open_page, gallery):
    gallery.asked()
    page = open_page("/?search=busy")
    rows_of(page)
    assert page.locator(".table-state").inner_text() == "There are no such jobs."
    assert gallery.asked().count("jobs") == 3
    assert not page.locator(".table-state.failed").is_visible()


def test_a_listing_is_sorted_by_what_its_figures_amount_to(open_page):
    page = open_page()
    first = "document.querySelector('.sortable tbody td').textContent"
    page.locator(".sortable").get_by_role("button", name="Memory").click()
    assert page.evaluate(first) == "Zoë"
    page.locator(".sortable").get_by_role("button", name="Memory").click()
    assert page.evaluate(first) == "bob"
    page.locator(".sortable").get_by_role("button", name="Share").press("Enter")
    assert page.evaluate(first) == "ann"
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Share")


def test_the_keyboard_comes_to_the_content_at_once(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_telephone_opens_and_closes_the_menu(open_page):
    page = open_page(viewport={"width": 360, "height": 740})
    menu = page.locator("#menu")
    assert not menu.is_visible()
    page.get_by_role("button", name="Menu", exact=True).press("Enter")
    assert menu.is_visible()
    page.keyboard.press("Escape")
    assert not menu.is_visible()


def test_a_script_is_linked_line_by_line(open_page):
    page = open_page()
    page.locator(".finding a", has_text="line 5").click()
    assert page.url.endswith("#line-5")
    background = "getComputedStyle(document.querySelector('#line-{}')).backgroundColor"
    assert page.evaluate(background.format(5)) != page.evaluate(background.format(4))


def test_on_paper_there_are_no_tools(open_page):
    page = open_page()
    wait_for_graph(page)
    page.emulate_media(media="print")
    for part in (".top", ".menu", ".graph-tools", ".table-tools", ".table-pages"):
        assert not page.locator(part).first.is_visible()
    assert page.locator("h1").is_visible()
