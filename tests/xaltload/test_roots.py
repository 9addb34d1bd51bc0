"""Where records are looked for: named paths, XALT_FILE_PREFIX, homes."""

import pwd

import pytest

from usagedb import errors
from usagedb.accounts import homes
from xaltload.roots import Root, find_roots


def test_named_paths_come_before_the_variables(tmp_path):
    environment = {"XALT_FILE_PREFIX": "/none", "XALT_TRANSMISSION_STYLE": "syslog"}
    assert find_roots([str(tmp_path)], environment) == [Root(str(tmp_path))]


@pytest.mark.parametrize("style", ["", "file", "FILE", "file_separate_dirs"])
def test_the_prefix_of_xalt_is_searched(tmp_path, style):
    environment = {"XALT_FILE_PREFIX": str(tmp_path), "XALT_TRANSMISSION_STYLE": style}
    assert find_roots([], environment) == [Root(str(tmp_path))]


def test_homes_are_those_of_all_accounts_or_of_the_named_ones(tmp_path):
    everyone = list(find_roots([], {"XALT_FILE_PREFIX": "USE_HOME"}))
    root = pwd.getpwuid(0)
    assert Root(root.pw_dir, (".xalt.d",)) in everyone
    assert dict(homes())[root.pw_name] == root.pw_dir
    users = f"ada;{tmp_path}:{root.pw_name}:"
    named = list(find_roots([], {"XALT_FILE_PREFIX": "USE_HOME", "XALT_USERS": users}))
    assert named == [Root(str(tmp_path), (".xalt.d",)), Root(root.pw_dir, (".xalt.d",))]


@pytest.mark.parametrize(
    "environment, word",
    [
        ({}, "XALT_FILE_PREFIX"),
        ({"XALT_TRANSMISSION_STYLE": "kafka", "XALT_FILE_PREFIX": "/"}, "kafka"),
    ],
)
def test_nothing_to_search_is_a_usage_error(environment, word):
    with pytest.raises(errors.UsageError, match=word):
        find_roots([], environment)


def test_an_account_that_does_not_exist_is_told():
    environment = {"XALT_FILE_PREFIX": "USE_HOME", "XALT_USERS": "no-such-user"}
    with pytest.raises(errors.UsageError, match="no-such-user"):
        list(find_roots([], environment))


def test_a_path_that_is_not_there_is_told(tmp_path):
    with pytest.raises(errors.MissingInputError, match="none"):
        find_roots([str(tmp_path / "none")], {})
