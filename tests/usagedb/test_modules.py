"""The modules of the packages: which may import which, and that the README names them all."""

import ast
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

PACKAGES = ("usagedb", "lmodtrack", "xaltload", "afcollect")
ALL_PACKAGES = (*PACKAGES, "epmtlite", "userportal")


def imported_by(path):
    """Return the dotted names that a file imports, those inside of functions too."""
    found = set()
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


def module_of(path):
    """Return the dotted name of a file of the checkout."""
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)


def files_of(*packages):
    """Return the files of some packages."""
    return [path for package in packages for path in (CHECKOUT / package).rglob("*.py")]


def command_modules():
    """Return the dotted names of the modules that bin/ starts."""
    started = {name for path in (CHECKOUT / "bin").iterdir() for name in imported_by(path)}
    return started & {module_of(path) for path in files_of(*PACKAGES)}


def test_no_module_imports_that_of_a_command():
    commands = command_modules()
    assert {"usagedb.create_db", "lmodtrack.store", "xaltload.load_fos"} <= commands
    found = {
        (module_of(path), name)
        for path in files_of(*ALL_PACKAGES)
        for name in imported_by(path) & commands
    }
    assert found == set()


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_a_tool_imports_no_other_tool_and_the_library_none(package):
    others = {name for name in ALL_PACKAGES if name not in (package, "usagedb")}
    for own, strange in ((package, others), ("usagedb", set(ALL_PACKAGES) - {"usagedb"})):
        for path in files_of(own):
            assert not {name.split(".")[0] for name in imported_by(path)} & strange, path


def test_no_two_modules_import_each_other():
    # schema.py, which every command reads, names what is imported when it is needed.
    paths = [path for path in files_of(*PACKAGES) if path.name != "schema.py"]
    names = {module_of(path): path for path in paths}
    imports = {name: imported_by(path) & set(names) for name, path in names.items()}
    found = {
        tuple(sorted((one, other)))
        for one, some in imports.items()
        for other in some
        if one in imports[other]
    }
    assert found == set()


def test_the_readme_lists_every_module_of_the_library():
    text = (CHECKOUT / "usagedb" / "README.md").read_text()
    listed = text.partition("## For those who extend it")[2]
    names = {path.stem for path in (CHECKOUT / "usagedb").glob("*.py")} - {"__init__"}
    assert names == {name for name in names if f"`{name}`" in listed}
