"""The colours of the style sheet can be told from each other by everybody."""

import re

import pytest

from tests.conftest import CHECKOUT

SHEET = CHECKOUT / "userportal" / "static" / "portal" / "base.css"
TEXT_PAIRS = [
    *((ink, "page") for ink in ("ink", "muted", "accent")),
    *((ink, "surface") for ink in ("ink", "muted", "accent")),
    *((ink, "sunken") for ink in ("ink", "muted", "accent")),
    ("on-accent", "accent"),
    *((name, f"{name}-soft") for name in ("info", "primary", "success", "warning", "danger")),
    *(("ink", f"{name}-soft") for name in ("info", "warning", "danger")),
    *((name, "surface") for name in ("warning", "danger")),
    *((f"code-{name}", "surface") for name in ("keyword", "string", "name", "number")),
]  # fmt: skip
SHAPE_PAIRS = [("control", "surface"), ("accent", "surface"),
               *((f"series-{number}", "surface") for number in range(1, 9))]  # fmt: skip


def blocks():
    """Return the colours by name of each of the sheet's blocks: light, dark, chosen dark."""
    text = SHEET.read_text()
    found = re.findall(r":root(\S*) \{\n(.*?)\}", text, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for _, block in found]


def luminance(colour):
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Return the contrast of two colours (WCAG 2.2)."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(place):
    colours = blocks()[place]
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXT_PAIRS}
    assert {pair: found for pair, found in weak.items() if found < 4.5} == {}


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_lines_and_frames_of_controls_are_seen(place):
    colours = blocks()[place]
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in SHAPE_PAIRS}
    assert {pair: found for pair, found in weak.items() if found < 3} == {}


def test_dark_is_the_same_by_choice_and_by_the_system():
    light, system, chosen = blocks()
    assert system == chosen
    assert set(light) == set(system)


def test_no_sheet_or_script_asks_for_a_file_from_elsewhere():
    for path in SHEET.parent.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\(", text), path.name
