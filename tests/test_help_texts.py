"""What COMMANDS.md of each package shows is what its commands print with --help."""

import re
import sys

import pytest

from release import help_texts
from tests.conftest import CHECKOUT

PACKAGES = help_texts.packages()
# Their argparse breaks lines as in the checked-in texts; others may do it elsewhere.
SAME_LINES = ((3, 11), (3, 12))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_checked_in_help_is_that_of_the_commands(package):
    if package == "userportal" and sys.version_info < (3, 10):
        pytest.skip("the portal needs Python 3.10")
    checked_in = (CHECKOUT / package / help_texts.FILE).read_text()
    now = help_texts.text_of(package, PACKAGES[package])
    if sys.version_info[:2] not in SAME_LINES:
        checked_in, now = " ".join(checked_in.split()), " ".join(now.split())
    assert checked_in == now, "make docs"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_command_of_a_package_stands_in_its_file(package):
    headings = re.findall("^##+ (.+)", (CHECKOUT / package / help_texts.FILE).read_text(), re.M)
    assert set(PACKAGES[package]) <= set(headings)
    assert f"]({help_texts.FILE})" in (CHECKOUT / package / "README.md").read_text()


def test_every_line_of_a_help_fits_into_100_columns():
    for package in PACKAGES:
        for line in (CHECKOUT / package / help_texts.FILE).read_text().splitlines():
            is_setting = re.match(r"\w+:\[", line)
            assert len(line) <= help_texts.COLUMNS or is_setting, line
