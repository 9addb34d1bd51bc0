"""A path belongs to the module of the deepest directory that the reverse map has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb import errors
from xaltload.modulemap import ModuleMap, read_module_map

MODULES = {
    "/apps/fftw3/3.3.10": "fftw3/3.3.10",
    "/apps/fftw3/3.3.10/lib/static": "fftw3-static/3.3.10",
    "/apps/gcc": "gcc/13.2.0",
}


@pytest.mark.parametrize(
    "path, module",
    [
        ("/apps/fftw3/3.3.10/lib/libfftw3.so", "fftw3/3.3.10"),
        ("/apps/fftw3/3.3.10/lib/static/libfftw3.a", "fftw3-static/3.3.10"),
        ("/apps/fftw3/3.3.10", None),
        ("/apps/fftw3/3.3.1/lib/libfftw3.so", None),
        ("/apps/gcc/bin/gcc", "gcc/13.2.0"),
        ("gcc", None),
        ("", None),
        ("//gcc", None),
        ("/", None),
    ],
)
def test_the_deepest_directory_wins(path, module):
    assert ModuleMap(MODULES).module_of(path) == module


@given(st.text(alphabet="/ab.", max_size=30))
def test_any_path_has_a_module_or_none(path):
    parts = [path[:end] for end, character in enumerate(path) if character == "/"]
    found = ModuleMap({"/a": "A", "/a/b": "B"}).module_of(path)
    assert found in (None, "A", "B") and (found is None or "/a" in parts)


def write(directory, name, value):
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(json.dumps(value))


def test_the_newer_form_of_any_directory_goes_before_the_older(tmp_path):
    old = {"reverseMapT": {"/apps/x/": {"pkg": "old/1", "flavor": ["default"], "kind": "lib"}}}
    write(tmp_path / "one", "jsonReverseMapT.json", old)
    write(tmp_path / "two", "xalt_rmapT.old.json", {"reverseMapT": {"/apps/x": "new/1"}})
    directories = [str(tmp_path / name) for name in ("none", "one", "two")]
    assert read_module_map(directories).module_of("/apps/x/lib.so") == "new/1"
    assert read_module_map(directories[:2]).module_of("/apps/x/lib.so") == "old/1"


@pytest.mark.parametrize(
    "flavor, name",
    [
        (["default:gcc/9"], "hdf5/1.8(gcc/9)"), (["default"], "hdf5/1.8"), ([], "hdf5/1.8"),
        (["gcc/9:mpich/3"], "hdf5/1.8(gcc/9:mpich/3)"), (None, "hdf5/1.8"), ([1], "hdf5/1.8"),
        (["defaultish"], "hdf5/1.8(defaultish)"),
    ],
)  # fmt: skip
def test_the_older_form_tells_the_flavor(tmp_path, flavor, name):
    entry = {"pkg": "hdf5/1.8", "flavor": flavor, "kind": "lib"}
    write(tmp_path, "jsonReverseMapT.json", {"reverseMapT": {"/apps/hdf5": entry, "/b": 7}})
    assert read_module_map([str(tmp_path)]).module_of("/apps/hdf5/libhdf5.so") == name


def test_without_a_map_there_is_a_warning_and_no_module(tmp_path, caplog):
    assert read_module_map([str(tmp_path)]).module_of("/apps/x/y") is None
    assert f"no reverse map in {tmp_path}" in caplog.text
    caplog.clear()
    assert read_module_map([]).module_of("/apps/x/y") is None and not caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"reverseMapT": 1}', "[" * 100_000])
def test_what_is_no_map_is_an_error(tmp_path, text):
    (tmp_path / "xalt_rmapT.json").write_text(text)
    with pytest.raises(errors.MissingInputError, match="is no reverse map"):
        read_module_map([str(tmp_path)])
