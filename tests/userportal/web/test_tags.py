"""The tags and filters of templates."""

import json

import pytest

FINDING = {"rule": "r", "severity": "warning", "message": "{what}", "values": {"what": "t"}}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "00:00:00"), (59.9, "00:00:59"), (3_661, "01:01:01"), (86_400, "1 d 00:00:00"),
     (90_061_000, "1,042 d 08:56:40"), (-60, "-00:01:00"), (None, "–"), ("x", "–"), ("nan", "–")],
)  # fmt: skip
def test_a_duration_is_a_clock_with_days(gallery, value, text):
    assert gallery.render("{{ value|duration }}", {"value": value}) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1 KiB"), (1_610_612_736, "1.50 GiB"),
     (2**70, "1,024 EiB"), (2**30 - 1, "1.00 GiB"), (None, "–")],
)  # fmt: skip
def test_bytes_have_a_binary_unit(gallery, value, text):
    found = gallery.render("{{ value|bytes }}", {"value": value})
    assert found.replace("\N{NARROW NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345.678, "12,346"), (1.234, "1.23"), (12.34, "12.3"), (-3, "-3"), (None, "–"),
     ("inf", "–")],
)  # fmt: skip
def test_a_number_has_three_digits_or_all_before_the_point(gallery, value, text):
    assert gallery.render("{{ value|number }}", {"value": value}) == text


def test_figures_have_the_separators_of_the_language(gallery):
    french = {"Accept-Language": "fr"}
    found = gallery.render("{{ v|number }} {{ p|percent }}", {"v": 1234567, "p": 4.25}, **french)
    assert [ord(letter) for letter in "1234567" if letter not in found] == []
    assert "," not in found.split()[0]
    assert "4,2" in found or "4,3" in found


def test_a_moment_is_shown_in_the_readers_zone(gallery):
    template, context = "{{ at|moment }}", {"at": 1_795_262_400}
    expected = '<time datetime="2026-11-21T12:00:00Z" title="2026-11-21 12:00:00 UTC">{}</time>'
    cookie = {"Cookie": "portal_zone=America/Toronto"}
    assert gallery.render(template, context) == expected.format("2026-11-21 12:00")
    assert gallery.render(template, context, **cookie) == expected.format("2026-11-21 07:00")


@pytest.mark.parametrize("nothing", [None, 0, "", "x", 1e30])
def test_what_has_not_happened_has_no_moment(gallery, nothing):
    assert gallery.render("{{ at|moment }}", {"at": nothing}) == "–"


@pytest.mark.parametrize(
    ("state", "text", "colour"),
    [(0, "Pending", "info"), (1, "Running", "primary"), (3, "Complete", "success"),
     (2, "Suspended", "warning"), (11, "Out of memory", "danger"),
     ("OOM", "Out of memory", "danger"),
     ("node_fail", "Node failed", "danger"), (0x8000 + 1, "Running", "primary"),
     ("<b>", "&lt;b&gt;", "danger")],
)  # fmt: skip
def test_a_badge_has_the_colour_of_its_state(gallery, state, text, colour):
    expected = f'<span class="badge badge-{colour}">{text}</span>'
    assert gallery.render("{% badge state %}", {"state": state}) == expected


def test_a_meter_tells_its_share_to_those_who_do_not_see_it(gallery):
    found = gallery.render('{% meter s label "critical" %}', {"s": 42.4, "label": "<Cores>"})
    assert 'aria-valuenow="42"' in found
    assert 'aria-label="&lt;Cores&gt;"' in found
    assert 'class="meter meter-critical"' in found
    assert '<rect class="meter-fill" width="42" height="8"/>' in found


@pytest.mark.parametrize(("share", "width"), [(-5, 0), (250, 100), ("1e99", 100)])
def test_a_meter_never_leaves_its_bar(gallery, share, width):
    found = gallery.render("{% meter share %}", {"share": share})
    assert f'class="meter-fill" width="{width}"' in found


def test_a_meter_of_nothing_known_claims_nothing(gallery):
    found = gallery.render('{% meter None "Time" %}')
    assert "aria-valuenow" not in found
    assert "meter-fill" not in found
    assert "–" in found


def test_findings_stand_with_the_severest_first(gallery):
    found = [{**FINDING, "severity": severity, "message": severity[:4]}
             for severity in ("info", "critical", "warning")]  # fmt: skip
    html = gallery.render("{% findings found %}", {"found": found})
    places = [html.index(f'finding-text">{text}') for text in ("crit", "warn", "info")]
    assert places == sorted(places)


def test_findings_cannot_bring_markup_or_scripts_into_a_page(gallery):
    hostile = {"values": {"what": "<script>x</script>"}, "severity": '"><i>', "graph": '"><b>',
               "url": "javascript:alert(1)", "commands": ["<u>"]}  # fmt: skip
    found = [{**FINDING, **hostile}]
    html = gallery.render("{% findings found %}", {"found": found})
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html
    assert "javascript" not in html


@pytest.mark.parametrize("url", ["https://docs.example.org/a?b=c", "/secure/x/", "#line-3"])
def test_a_finding_leads_to_what_explains_it(gallery, url):
    html = gallery.render("{% findings found %}", {"found": [{**FINDING, "url": url}]})
    assert f'href="{url}"' in html


@pytest.mark.parametrize("url", ["//evil.example.org/", "data:text/html,x", "https://a b"])
def test_a_finding_leads_nowhere_else(gallery, url):
    html = gallery.render("{% findings found %}", {"found": [{**FINDING, "url": url}]})
    assert "href" not in html


def test_a_finding_names_its_line_and_its_graph(gallery):
    found = [{**FINDING, "line_number": 1200, "graph": "cpu"}]
    html = gallery.render("{% findings found %}", {"found": found})
    assert 'href="#line-1200"' in html
    assert 'href="#graph-cpu"' in html


def test_no_finding_is_told_as_the_page_wants(gallery):
    assert gallery.render("{% findings found %}", {"found": []}).strip() == ""
    assert "All well." in gallery.render('{% findings found "All well." %}', {"found": []})


def test_a_graph_is_offered_with_its_address_and_severity(gallery):
    found = [{**FINDING, "graph": "cpu"}, {**FINDING, "graph": "cpu", "severity": "critical"}]
    template = '{% graph url title id="cpu" height=300 findings=found %}'
    context = {"found": found, "url": "/g.json?a=1&b=2", "title": "C<"}
    html = gallery.render(template, context)
    assert 'data-graph="/g.json?a=1&amp;b=2"' in html
    assert 'data-severity="critical"' in html
    assert 'data-height="300"' in html
    assert 'id="graph-cpu"' in html
    assert "C&lt;" in html


def test_a_graph_without_a_source_says_why_and_asks_for_nothing(gallery):
    html = gallery.render('{% graph "/g.json" "Power" missing="No exporter." %}')
    assert "data-graph" not in html
    assert "No exporter." in html
    assert 'id="graph-power"' in html


def test_a_height_of_four_digits_has_no_separator(gallery):
    assert 'data-height="1200"' in gallery.render('{% graph "/g.json" "A" height=1200 %}')


def test_the_windows_of_a_graph_are_tabs_in_seconds(gallery):
    html = gallery.render('{% graph "/g.json" "A" windows="hour week" window="week" %}')
    assert '<button type="button" data-delta="3600" aria-pressed="false">Hour</button>' in html
    assert '<button type="button" data-delta="604800" aria-pressed="true">Week</button>' in html


def test_the_job_table_knows_where_jobs_are_and_what_may_be_filtered(gallery):
    html = gallery.render('{% job_table "/api/jobs/" username=name %}', {"name": 'a"b'})
    assert 'data-job-url="/jobs/USERNAME/0/"' in html
    assert 'data-username="a&quot;b"' in html
    assert html.count('name="status"') == 14
    assert 'value="Oom"' in html


def test_the_job_table_has_the_columns_that_are_asked_for(gallery):
    html = gallery.render('{% job_table "/api/jobs/" columns="username id_job" %}')
    assert html.index('data-name="username"') < html.index('data-name="id_job"')
    assert "timelimit" not in html


def test_pages_without_graphs_do_not_load_the_script_that_draws(gallery):
    assert "plotly.min.js" not in gallery.get("/nowhere/").text()
    assert "plotly.min.js" in gallery.get("/one/?url=/graph/cpu.json").text()


def test_no_page_has_scripts_or_styles_that_the_policy_forbids(gallery):
    for path in ("/", "/nowhere/", "/fail/403/"):
        html = gallery.get(path).text()
        assert "<style" not in html
        assert " style=" not in html
        assert " onclick" not in html
        assert html.count("<script") == html.count('<script src="')


def test_plotly_finds_the_style_it_looks_for(gallery):
    html = gallery.get("/").text()
    assert '<meta name="plotly-style" content="" id="' in html
    assert html.index("plotly-style") < html.index("plotly.min.js")


def test_the_chosen_colours_are_those_of_the_first_picture(gallery):
    assert "data-theme=" not in gallery.get("/nowhere/").text().split(">")[1]
    dark = gallery.get("/nowhere/", Cookie="portal_theme=dark").text()
    assert '<html lang="en" data-theme="dark"' in dark
    hostile = gallery.get("/nowhere/", Cookie='portal_theme="><script>').text()
    assert '<html lang="en" data-cookie-path="/">' in hostile


def test_a_graphs_json_has_null_for_what_is_no_number():
    from userportal.web.graphs import to_json

    figure = {"data": [{"y": [1.0, float("nan"), float("inf")]}], "layout": {"a": (1, None)}}
    assert json.loads(to_json(figure)) == {
        "data": [{"y": [1.0, None, None]}], "layout": {"a": [1, None]},
    }  # fmt: skip
