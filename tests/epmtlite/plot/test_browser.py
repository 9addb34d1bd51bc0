"""The page in a real browser: what it shows, and what a pointer and keys do to it."""

import pytest

from epmtlite.plot import palette
from tests.epmtlite.made_jobs import HOUR, epmt, made_job, random_records, record, sample
from tests.epmtlite.plot.hostile import ATTACKS, hostile_job

SECOND = 1_000_000
AXIS = 22  # pixels above the lanes
TIMELINE, TREE, OVERVIEW = "canvas.timeline", "canvas.tree", "canvas.overview"


def drawn(site, tmp_path, *words):
    """Draw a page; return its path."""
    target = tmp_path / "page.html"
    epmt(site, "plot", *words, "-o", target, "--force")
    return target


def two_processes():
    """Return a job of an hour, and one of its middle that is too short to be hit beside it."""
    return made_job(
        [
            record(
                pid=10, start=0, lasts=HOUR, exename="model", args="input.nml",
                threads=[(900, 100, 2048, 0, 0, 9)],
            ),
            record(
                pid=11, ppid=10, start=HOUR // 2, lasts=SECOND, exename="cp", args="out /archive",
                exitcode=3, tags="op:save",
            ),
        ]
    )  # fmt: skip


@pytest.fixture
def page(stored, tmp_path, show):
    """The page of two_processes."""
    return show(drawn(stored(two_processes()), tmp_path, "100"))


def lane_y(page, lane):
    """Return the height of the middle of a lane, of a job with lanes as high as can be."""
    return AXIS + 3 + lane * 18 + 8


def width(page):
    """Return the width of the timeline."""
    return page.page.locator(TIMELINE).bounding_box()["width"]


def zoom_in(page, x, y, steps=20):
    """Turn the wheel over a place of the timeline."""
    page.hover(TIMELINE, x, y)
    for _step in range(steps):
        page.page.mouse.wheel(0, -200)
    page.drawn()


def test_numbers_are_those_of_the_database(stored, tmp_path, show):
    site = stored(made_job(random_records(250)))
    page = show(drawn(site, tmp_path, "100")).page
    (expected,) = site.rows(
        "SELECT exename, COUNT(*), SUM(duration), SUM(cpu_time), MAX(peak_rss) FROM epmt_process"
        " GROUP BY exename"
    )
    cells = page.locator("#totals tbody tr").first.locator("td")
    assert cells.nth(0).inner_text().strip() == expected[0]
    shown = [int(cells.nth(place).get_attribute("data-value")) for place in (1, 2, 4, 9)]
    assert shown == list(expected[1:])
    head = page.locator("#head").inner_text()
    assert "ann" in head and "250 with" in head and "2026-03-01" in head


def test_rows_by_tag_are_those_of_the_database(stored, tmp_path, show):
    site = stored(made_job(random_records(250)))
    opened = show(drawn(site, tmp_path, "100"))
    opened.page.select_option("#group", label="tag: op")
    rows = opened.page.locator("#totals tbody tr").all()
    shown = {row.locator("td").first.inner_text().strip(): row for row in rows}
    sql = (
        "SELECT SUM(p.cpu_time) FROM epmt_process p JOIN epmt_process_tags t ON t.job_id = p.job_id"
        " AND t.number = p.tags_number WHERE t.tags LIKE ?"
    )
    for value in ("cp", "mv"):
        (expected,) = site.rows(sql, (f'%"op": "{value}"%',))[0]
        assert int(shown[value].locator("td").nth(4).get_attribute("data-value")) == expected


def test_hover_tells_all_about_a_process(page):
    page.hover(TIMELINE, width(page) / 4, lane_y(page, 0))
    text = page.hint()
    for part in ("model", "input.nml", "10 on n1", "8:00:00.250", "1 h 00 min", "2.00 MiB"):
        assert part in text
    page.hover(TIMELINE, width(page) / 2, lane_y(page, 1))
    for part in ("cp", "out /archive", "11 on n1", "1.00 s", "3", "op:save"):
        assert part in page.hint()
    page.hover("h1", 5, 5)
    assert page.hint() == ""


def test_wheel_zooms_where_it_is_turned_and_a_double_click_shows_all(page):
    middle, y = width(page) / 2, lane_y(page, 1)
    page.hover(TIMELINE, middle + 40, y)
    assert page.hint() == ""
    zoom_in(page, middle, y)
    page.hover(TIMELINE, middle + 40, y)
    assert "out /archive" in page.hint()
    page.page.locator(TIMELINE).dblclick(position={"x": 20, "y": 30})
    page.drawn()
    page.hover(TIMELINE, middle + 40, y)
    assert page.hint() == ""


def test_drag_moves_what_is_shown(page):
    middle, y = width(page) / 2, lane_y(page, 1)
    zoom_in(page, middle, y, steps=12)
    page.hover(TIMELINE, middle, y)
    assert "out /archive" in page.hint()
    page.page.mouse.down()
    page.hover(TIMELINE, middle - 300, y)
    page.page.mouse.up()
    page.hover(TIMELINE, middle, y)
    assert page.hint() == ""
    page.hover(TIMELINE, middle - 300, y)
    assert "out /archive" in page.hint()


def test_drag_over_the_overview_zooms(page):
    middle, y = width(page) / 2, lane_y(page, 1)
    page.hover(OVERVIEW, middle - 4, 20)
    page.page.mouse.down()
    page.hover(OVERVIEW, middle + 4, 20)
    page.page.mouse.up()
    page.hover(TIMELINE, middle + 8, y)
    assert "out /archive" in page.hint()


def test_keys_do_it_too(page):
    canvas = page.page.locator(TIMELINE)
    canvas.focus()
    canvas.press("n")
    assert "input.nml" in page.page.locator("#detail").inner_text()
    canvas.press("n")
    assert "out /archive" in page.page.locator("#detail").inner_text()
    for _press in range(18):
        canvas.press("+")
    page.drawn()
    page.hover(TIMELINE, width(page) / 2 + 40, lane_y(page, 1))
    assert "out /archive" in page.hint()
    canvas.press("0")
    page.drawn()
    page.hover(TIMELINE, width(page) / 2 + 41, lane_y(page, 1))
    assert page.hint() == ""


def test_fingers_choose_and_zoom(stored, tmp_path, show):
    path = drawn(stored(two_processes()), tmp_path, "100")
    page = show(path, has_touch=True, is_mobile=True, viewport={"width": 400, "height": 800})
    page.page.locator(TIMELINE).scroll_into_view_if_needed()
    box = page.page.locator(TIMELINE).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + lane_y(page, 1)
    page.page.touchscreen.tap(x, y)
    assert "out /archive" in page.page.locator("#detail").inner_text()
    page.page.touchscreen.tap(x + 60, y - 18)
    assert "input.nml" in page.page.locator("#detail").inner_text()
    session = page.context.new_cdp_session(page.page)
    for _repeat in range(3):
        for kind, apart in (("touchStart", 10), ("touchMove", 80), ("touchMove", 150)):
            points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.drawn()
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.drawn()
    page.page.touchscreen.tap(x, y)
    assert "out /archive" in page.page.locator("#detail").inner_text()
    page.page.touchscreen.tap(x + 60, y - 18)
    page.page.touchscreen.tap(x + 12, y)  # nothing was there before
    assert "out /archive" in page.page.locator("#detail").inner_text()


def test_search_counts_and_highlights(page):
    x, y = width(page) / 4, lane_y(page, 0)
    full = page.colour(TIMELINE, x, y)
    page.page.fill("#search", "ARCHIVE")
    page.drawn()
    assert page.page.locator("#found").inner_text().startswith("1 of 2 processes")
    assert page.colour(TIMELINE, x, y) != full
    page.page.fill("#search", "")
    page.page.check("#failed")
    assert page.page.locator("#found").inner_text().startswith("1 of 2 processes")
    page.page.uncheck("#failed")
    page.drawn()
    assert page.page.locator("#found").inner_text() == ""
    assert page.colour(TIMELINE, x, y) == full


def test_enter_goes_to_what_is_sought(page):
    page.page.fill("#search", "archive")
    page.page.press("#search", "Enter")
    assert "out /archive" in page.page.locator("#detail").inner_text()


def test_programs_have_the_colours_of_the_palette(page):
    number = palette.COLOURS[0].lstrip("#")
    expected = tuple(int(number[at : at + 2], 16) for at in (0, 2, 4))
    assert page.colour(TIMELINE, width(page) / 4, lane_y(page, 0)) == expected


def test_legend_highlights_a_program(page):
    chip = page.page.locator(".legend button", has_text="cp")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert page.page.locator("#found").inner_text().startswith("1 of 2 processes")
    chip.click()
    assert page.page.locator("#found").inner_text() == ""


def test_tree_is_opened_by_a_click_and_closed_by_the_way_there(page):
    page.page.select_option("#tree-measure", "wall")
    page.page.locator(TREE).scroll_into_view_if_needed()
    page.drawn()
    page.page.locator(TREE).click(position={"x": 200, "y": 30})
    crumbs = page.page.locator(".crumbs button")
    assert crumbs.all_inner_texts() == ["job 100", "model"]
    assert "1 h 00 min" in page.page.locator("#tree .detail").inner_text()
    crumbs.first.click()
    assert crumbs.all_inner_texts() == ["job 100"]


def test_keys_go_through_the_tree(page):
    canvas, detail = page.page.locator(TREE), page.page.locator("#tree .detail")
    canvas.focus()
    for key, expected in (("ArrowDown", "model"), ("ArrowDown", "cp"), ("ArrowUp", "model")):
        canvas.press(key)
        assert detail.locator("dd").first.inner_text() == expected
    canvas.press("Enter")
    assert page.page.locator(".crumbs button").all_inner_texts() == ["job 100", "model"]
    canvas.press("Escape")
    assert page.page.locator(".crumbs button").all_inner_texts() == ["job 100"]


def test_process_of_the_timeline_is_shown_in_the_tree(page):
    page.page.locator(TIMELINE).click(position={"x": width(page) / 2, "y": lane_y(page, 1)})
    page.page.get_by_role("button", name="Show it in the tree").click()
    assert page.page.locator(".crumbs button").all_inner_texts() == ["job 100", "model", "cp"]


def test_table_is_sorted_and_copied(stored, tmp_path, show):
    site = stored(two_processes())
    opened = show(drawn(site, tmp_path, "100"), permissions=["clipboard-read", "clipboard-write"])
    page = opened.page
    first = page.locator("#totals tbody tr").first
    widths = [
        bar.bounding_box()["width"] for bar in page.locator(".bars .track, .bars .fill").all()
    ]
    names = page.locator(".bars .name").all_inner_texts()
    assert names == ["model", "cp"]
    assert widths[1] == widths[0] and abs(widths[3] / widths[2] - 0.4) < 0.01  # 400 of 1000 us
    page.get_by_role("button", name="Wall time (sum)", exact=True).first.click()
    assert first.inner_text().strip().startswith("model")
    page.locator("#totals th button", has_text="Wall time").click()
    assert first.inner_text().strip().startswith("cp")
    page.get_by_role("button", name="Copy the table").click()
    page.get_by_role("button", name="Copied").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t")[:3] == ["program", "processes", "wall_seconds"]
    assert lines[1].split("\t")[:3] == ["cp", "1", "1.000000"]
    assert lines[2].split("\t")[:3] == ["model", "1", "3600.000000"]


def test_hostile_texts_are_shown_and_do_nothing(stored, tmp_path, show):
    site = stored(hostile_job("7"), hostile_job("8"))
    for words in (("7",), ("--compare", "7", "8")):
        opened = show(drawn(site, tmp_path, *words))
        page = opened.page
        page.select_option("#group", index=1)
        page.select_option("#group", index=0)
        for lane in range(len(ATTACKS)):
            opened.hover(TIMELINE, 8, lane_y(opened, lane))
        page.fill("#search", "<img src=x")
        page.press("#search", "Enter")
        page.get_by_role("button", name="Show it in the tree").click()
        assert page.evaluate("window.broken") is None
        assert page.locator("img, iframe, object, a").count() == 0
        assert page.locator("script").count() == 2
        body = page.locator("body").inner_text()
        assert ATTACKS[0].replace("/", "-") in body and ATTACKS[2] in body


def test_page_lets_nothing_be_loaded_or_run(page):
    tried = page.page.evaluate(
        """async () => {
          const refused = [];
          const note = (event) => refused.push(event.effectiveDirective);
          document.addEventListener("securitypolicyviolation", note);
          const image = document.createElement("img");
          image.src = "http://127.0.0.1:9/x.png";
          const script = document.createElement("script");
          script.textContent = "window.broken = 1";
          document.body.append(image, script);
          await fetch("http://127.0.0.1:9/").catch(() => 0);
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          return { refused: refused.sort(), broken: window.broken === undefined };
        }"""
    )
    assert tried["broken"]
    assert {"connect-src", "img-src", "script-src-elem"} <= set(tried["refused"])
    page.complaints.clear()  # those that this test has made, as the requests
    assert page.requests.pop(1) == "http://127.0.0.1:9/x.png"


def test_left_out_processes_are_told(stored, tmp_path, show):
    site = stored(made_job(random_records(100)))
    page = show(drawn(site, tmp_path, "100", "--limit", "30")).page
    assert "The 70 shortest of 100 processes are not drawn" in page.locator(".warning").inner_text()


def test_prints_in_light_colours_within_the_page(stored, tmp_path, show):
    path = drawn(stored(two_processes()), tmp_path, "100")
    dark = show(path, color_scheme="dark", viewport={"width": 700, "height": 900})
    before = dark.colour(TIMELINE, 5, 5)
    dark.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    dark.page.emulate_media(media="print")
    dark.drawn()
    assert min(dark.colour(TIMELINE, 5, 5)) > 200 > max(before)
    assert dark.page.evaluate("document.documentElement.scrollWidth") <= 700
    dark.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    dark.page.emulate_media(media="screen")
    dark.drawn()
    assert dark.colour(TIMELINE, 5, 5) == before


def test_dark_and_narrow(stored, tmp_path, show):
    path = drawn(stored(two_processes()), tmp_path, "100")
    background = "getComputedStyle(document.body).backgroundColor"
    light = show(path).page.evaluate(background)
    narrow = show(path, color_scheme="dark", viewport={"width": 360, "height": 700}).page
    assert narrow.evaluate(background) != light
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 360


def test_colours_change_with_those_of_the_desktop(page):
    before = page.colour(TIMELINE, 5, 5)
    page.page.emulate_media(color_scheme="dark")
    page.drawn()
    page.drawn()
    assert page.colour(TIMELINE, 5, 5) != before


def test_compared_jobs_and_their_differences(stored, tmp_path, show):
    jobs = []
    for number in range(5):
        cpu = 50_000_000 if number == 3 else 1_000_000 + number
        records = [record(pid=10, start=0, lasts=HOUR // 2, threads=[(cpu, 0, 1, 0, 0, 9)])]
        jobs.append(made_job(records, jobid=str(100 + number)))
    site = stored(*jobs)
    opened = show(drawn(site, tmp_path, "--compare", "100", "103"))
    cells = opened.page.locator("#differences tbody tr").first.locator("td")
    assert [cells.nth(place).get_attribute("data-value") for place in (1, 2, 3)] == [
        "1000000", "50000000", "49000000",
    ]  # fmt: skip
    names = [str(100 + number) for number in range(5)]
    for kind in ("--compare", "--outliers"):
        opened = show(drawn(site, tmp_path, kind, *names))
        marked = opened.page.locator("#outliers-table td.outlier").all_inner_texts()
        assert marked[0] == "103" and any("of 3" in text for text in marked[1:])
        assert opened.page.locator(TIMELINE).count() == (kind == "--compare")
    few = show(drawn(site, tmp_path, "--compare", "100", "101", "102"))
    assert few.page.locator("#outliers").count() == 0


def test_job_without_processes(stored, tmp_path, show):
    opened = show(drawn(stored(made_job([])), tmp_path, "100"))
    assert "0 with 0 threads" in opened.page.locator("#head").inner_text()
    assert opened.page.locator("canvas").count() == 0


def test_deep_tree(stored, tmp_path, show):
    count = 3000
    records = [
        record(pid=10 + number, ppid=9 + number, start=number, lasts=HOUR - 2 * number)
        for number in range(count)
    ]
    site = stored(made_job(sorted(records, key=lambda one: one.end)))
    opened = show(drawn(site, tmp_path, "100"))
    page = opened.page
    canvas = page.locator(TIMELINE)
    canvas.focus()
    canvas.press("p")  # from the end: the deepest
    assert f"{count + 9} on n1" in page.locator("#detail").inner_text()
    page.uncheck("#merged")
    page.get_by_role("button", name="Show it in the tree").click()
    opened.drawn()
    assert page.locator(".crumbs button").count() == 8
    assert page.locator(TREE).bounding_box()["height"] < 300
    assert f"{count + 9} on n1" in page.locator("#tree .detail").inner_text()


def test_real_job_is_shown_whole(sqlite_site, tmp_path, show, monkeypatch):
    monkeypatch.setenv("EPMT_TZ", "Asia/Kolkata")
    name = "kern-6656-20190614-190245"
    epmt(sqlite_site.create(), "submit", sample(f"{name}.tgz"))
    opened = show(drawn(sqlite_site, tmp_path, name))
    page = opened.page
    assert "10,600 with" in page.locator("#head").inner_text()
    assert "19:02:45 IST" in page.locator("#head").inner_text()
    page.check("#failed")
    sql = "SELECT COUNT(*) FROM epmt_process WHERE exitcode <> 0 OR exitsignal <> 0"
    ((expected,),) = sqlite_site.rows(sql)
    assert page.locator("#found").inner_text().startswith(f"{expected:,} of 10,600")
    page.uncheck("#failed")
    zoom_in(opened, 500, 60, steps=30)
    page.uncheck("#merged")
    page.select_option("#tree-measure", "wall")
    opened.drawn()
