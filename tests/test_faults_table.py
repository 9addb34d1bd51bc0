"""FAULTS.md promises what tests show."""

import re

import pytest

from tests.conftest import CHECKOUT

TEXT = (CHECKOUT / "FAULTS.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
TOOLS = (
    "store_module_data", "xalt_file_to_db", "xalt_syslog_to_db", "epmt run", "epmt stage",
    "epmt submit", "epmt daemon", "afmetrics_collector", "usage_copy", "usage_person",
    "delete_old_records", "userportal jobscripts",
)  # fmt: skip


@pytest.mark.parametrize("path, name", NAMED)
def test_every_test_that_is_named_is_there(path, name):
    assert re.search(rf"^ *def {name}\(", (CHECKOUT / path).read_text(), re.MULTILINE)


def test_every_row_of_a_fault_names_a_test():
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    faults = [row for row in rows if not re.match(r"\|( \w+ \|)* (what|---)|\|---", row)]
    assert len(faults) > 50
    assert [row for row in faults if "::test_" not in row and "what happens" not in row] == []


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_has_its_faults(tool):
    assert f"`{tool}`" in TEXT or f"`{tool} " in TEXT


def test_all_tests_of_fault_points_are_named():
    for path in (CHECKOUT / "tests").rglob("test_fault_points.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
            assert f"::{name}`" in TEXT, (path, name)
