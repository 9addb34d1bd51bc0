"""The module files of a tree, as a person sees them."""

import pytest

from lmodtrack.moduletree import module_files, read_paths
from usagedb import errors


@pytest.fixture
def tree(tmp_path):
    """A tree with module files, and with much that is none."""
    files = {
        "Core/gcc/12.2.0.lua": "", "Core/gcc/13.1.0.lua": "", "Core/gcc/default": "#%Module1.0",
        "Core/gcc/.modulerc.lua": "", "Core/gcc/.version": "#%Module1.0", "Core/gcc/old.lua~": "",
        "Core/old/tcl/1.0": "#%Module1.0\nsetenv A 1\n", "Core/old/tcl/notes": "a text",
        "Core/old/tcl/empty": "", "Core/.hidden/secret/1.0.lua": "", "odd\nname/1.0.lua": "",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "Core/gcc/latest.lua").symlink_to("13.1.0.lua")
    (tmp_path / "Core/gcc/dangling.lua").symlink_to("none.lua")
    (tmp_path / "Core/loop").symlink_to(tmp_path)
    return tmp_path


def test_module_files_are_found_and_nothing_else(tree):
    assert [path[len(f"{tree}/") :] for path in module_files(tree)] == [
        "Core/gcc/12.2.0.lua", "Core/gcc/13.1.0.lua", "Core/gcc/latest.lua", "Core/old/tcl/1.0",
        "odd\nname/1.0.lua",
    ]  # fmt: skip


def test_a_link_to_a_tree_is_followed(tree, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "apps").symlink_to(tree / "Core" / "old")
    assert module_files(elsewhere) == [str(elsewhere / "apps" / "tcl" / "1.0")]


@pytest.mark.parametrize("name", ["Core", "./Core/", "Core/old/../../Core"])
def test_a_relative_tree_is_named_as_users_load_it(tree, monkeypatch, name):
    monkeypatch.chdir(tree)
    assert module_files(name) == module_files(tree / "Core")
    assert str(tree / "Core/gcc/12.2.0.lua") in module_files(name)


def test_what_is_no_directory_is_missing_input(tree):
    for path in (tree / "none", tree / "Core/gcc/12.2.0.lua"):
        with pytest.raises(errors.MissingInputError, match="is no directory"):
            module_files(path)


def test_a_list_of_paths_has_comments_and_any_bytes(tmp_path):
    (tmp_path / "list").write_bytes(b"# all\n\n /apps/a.lua \r\n/apps/\xff.lua\n  # b\n")
    assert read_paths(tmp_path / "list") == ["/apps/a.lua", r"/apps/\xff.lua"]
    with pytest.raises(errors.MissingInputError, match="cannot read"):
        read_paths(tmp_path / "none")
