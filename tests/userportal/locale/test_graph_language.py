"""What the script that draws graphs says by itself is in the language of the page."""

from pathlib import Path

import pytest

import userportal

SCRIPT = Path(userportal.__file__).parent / "static" / "portal" / "graph_look.js"
PLOTLY = "({ register: (module) => { window.registered = module; } })"


@pytest.fixture
def look(browser):
    """A page of a language with the script that knows how graphs look; again(language)."""
    opened = []

    def again(language):
        page = browser.new_page()
        opened.append(page)
        page.set_content(f'<!doctype html><html lang="{language}"><body></body></html>')
        page.evaluate("window.portal = {}")
        page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
        page.evaluate(f"window.portal.look.registerLanguage({PLOTLY})")
        return page

    yield again
    for page in opened:
        page.close()


def test_graphs_have_the_days_months_and_separators_of_french(look):
    module = look("fr").evaluate("window.registered")
    assert (module["moduleType"], module["name"]) == ("locale", "fr")
    form = module["format"]
    assert (form["days"][0], form["days"][6]) == ("dimanche", "samedi")
    assert (form["months"][1], form["shortMonths"][11]) == ("février", "déc.")
    assert form["decimal"] == ","
    assert form["thousands"] == "\N{NARROW NO-BREAK SPACE}"
    assert (form["dayMonth"], form["dayMonthYear"]) == ("%-d %b", "%-d %b %Y")


def test_plotly_keeps_its_own_english(look):
    assert look("en").evaluate("window.registered === undefined")


def test_plotly_has_no_words_of_its_own_to_say(look):
    config = look("fr").evaluate("window.portal.look.config({ config: {} })")
    # Without its toolbar and its tips there is nothing left that a reader could see.
    assert (config["displayModeBar"], config["showTips"]) == (False, False)
    assert config["locale"] == "fr"
