"""The one reader of the site's INI files: sections of text, faults told with the file's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb import errors
from userportal.access import account_file, cloud_projects
from userportal.ini_file import read_ini, sections_of

TEXT = "# who\n[DEFAULT]\nmembers = eve\n[lab]\nMembers = ann,\n  bob\n[empty]\n"
READERS = (account_file.read, cloud_projects.read, sections_of)


def test_sections_are_read_alike_from_a_file_and_from_its_text(tmp_path):
    path = tmp_path / "some.ini"
    path.write_text(TEXT)
    found = {"DEFAULT": {"members": "eve"}, "lab": {"members": "ann,\nbob"}, "empty": {}}
    assert read_ini(path) == sections_of(TEXT, path) == found
    assert sections_of(TEXT, path, keeps_case=True)["lab"] == {"Members": "ann,\nbob"}


def test_a_section_of_defaults_makes_nobody_a_member_of_anything_else(tmp_path):
    accounts = account_file.read(TEXT, tmp_path / "accounts.ini")
    assert {name: one.members for name, one in accounts.items()} == {
        "DEFAULT": ("eve",), "lab": ("ann", "bob"), "empty": (),
    }  # fmt: skip
    projects = cloud_projects.read(TEXT, tmp_path / "projects.ini")
    assert projects == {"DEFAULT": {"eve"}, "lab": {"ann", "bob"}, "empty": set()}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]\n[a]\n", "already exists"),
        ("[a]\ncpu = 1\ncpu = 2\n", "already exists"),
        ("members = ann\n", "no section headers"),
        ("[a]\nno setting\n", "parsing errors"),
    ],
)
def test_a_fault_is_one_line_that_names_the_file(tmp_path, read, text, told):
    with pytest.raises(errors.ConfigurationError, match=told) as error:
        read(text, tmp_path / "some.ini")
    assert str(tmp_path / "some.ini") in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(errors.ConfigurationError, match=r"cannot read .*none\.ini"):
        read_ini(tmp_path / "none.ini")
    (tmp_path / "latin.ini").write_bytes(b"[a]\nname = caf\xe9\n")
    with pytest.raises(errors.ConfigurationError, match=r"latin\.ini: .*utf-8"):
        read_ini(tmp_path / "latin.ini")


@given(st.text(alphabet="[]=:#ab \n\tDEFAULT%\x00", max_size=60))
def test_whatever_a_file_holds_is_read_or_told(text):
    try:
        found = sections_of(text, "some.ini")
    except errors.ConfigurationError as error:
        assert "some.ini" in str(error)
        return
    assert all(isinstance(value, str) for one in found.values() for value in one.values())
