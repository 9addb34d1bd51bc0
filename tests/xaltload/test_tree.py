"""Records are found in every layout, and nothing that is no record."""

import os
from pathlib import Path

import pytest

from xaltload import tree
from xaltload.names import RecordName, parse_name
from xaltload.tree import record_files

UUID = "0188a2f0-0000-7000-8000-000000000001"
RUN = f"run.aurora.2026_01_01_00_00_00_1234.otter.zzz.{UUID}.json"
LINK = f"link.aurora.2026_01_01_00_00_00_1234.otter.{UUID}.json"
PACKAGE = f"pkg.aurora.2026_01_01_00_00_00_34.otter.{UUID}.0123456789ab.json"


@pytest.mark.parametrize(
    "name, parts",
    [
        (RUN, ("run", "aurora", "2026_01_01_00_00_00_1234", "otter", "zzz", UUID)),
        (LINK, ("link", "aurora", "2026_01_01_00_00_00_1234", "otter", "", UUID)),
        (PACKAGE, ("pkg", "aurora", "2026_01_01_00_00_00_34", "otter", "", UUID)),
        (
            f"run.a.b.c.2026_01_01_00_00_00_1.first.last.aaa.{UUID}.json",
            ("run", "a.b.c", "2026_01_01_00_00_00_1", "first.last", "aaa", UUID),
        ),
        (
            f"run.birch2.2017_06_29_11_48_33.aaa.{UUID.upper()}.json",
            ("run", "birch2", "2017_06_29_11_48_33", "", "aaa", UUID),
        ),
        (f"link.birch.{UUID}.json", ("link", "birch", "", "", "", UUID)),
    ],
)
def test_a_name_tells_its_parts_in_every_version(name, parts):
    assert parse_name(name) == RecordName(*parts)


@pytest.mark.parametrize(
    "name",
    ["", "run.json", RUN[:-1], f".{RUN}.new", RUN.replace("run", "walk"), RUN + "\n", "notes.txt"],
)
def test_what_is_no_record_has_no_name(name):
    assert parse_name(name) is None


def everything(directory, **options):
    """Return the FoundFiles below a directory."""
    return list(record_files(str(directory), **options))


def open_files():
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_records_are_found_at_any_depth_and_links_and_pipes_are_not_followed(tmp_path):
    places = ["", "017", "run/017", "202601", f"202601/XALT_pkg_{UUID}", "a/b/c/d/e/f"]
    top = tmp_path / "tree"
    for place in places:
        (top / place).mkdir(parents=True, exist_ok=True)
        for name in (RUN, LINK, PACKAGE):
            (top / place / name).write_text("{}")
            (top / place / f".{name}.new").write_text("{")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / RUN).write_text("secret")
    (top / "linked").symlink_to(outside)
    (top / "loop").symlink_to(top)
    (top / RUN.replace("otter", "link")).symlink_to(outside / RUN)
    os.mkfifo(top / RUN.replace("otter", "pipe"))
    found = [(file.path, *file.read()) for file in record_files(str(top))]
    wanted = {str(top / place / name) for place in places for name in (RUN, LINK, PACKAGE)}
    assert {path for path, _text, _status in found} == wanted and len(found) == len(wanted)
    assert {text for _path, text, _status in found} == {b"{}"}
    runs = everything(top, wanted=lambda name: name.kind == "run")
    assert len(runs) == len(places)


def names_of_runs(count):
    """Return the names of the records of some runs, those of each run far from one another."""
    uuids = [UUID.replace("0188a2f0", f"{number:08x}") for number in range(count)]
    kinds = (PACKAGE, RUN, RUN.replace("zzz", "aaa"))
    return [name.replace(UUID, uuid) for name in kinds for uuid in uuids]


def test_the_records_of_a_run_come_together_in_the_order_of_their_names(tmp_path):
    names = names_of_runs(30)
    for name in names:
        (tmp_path / name).write_text("{}")
    found = [file.file_name for file in everything(tmp_path)]
    assert found == sorted(names, key=lambda name: (parse_name(name).uuid, name))


def test_a_directory_larger_than_what_is_sorted_at_a_time_gives_each_record_once(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tree, "NAMES_AT_ONCE", 8)
    names = names_of_runs(30)
    for place in ("", "a", "a/b", "c"):
        (tmp_path / place).mkdir(exist_ok=True)
        for name in names:
            (tmp_path / place / name).write_text("{}")
    found = [file.path for file in everything(tmp_path)]
    wanted = {str(tmp_path / place / name) for place in ("", "a", "a/b", "c") for name in names}
    assert set(found) == wanted and len(found) == len(wanted)


def test_a_directory_below_a_home_that_is_a_link_is_not_entered(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / RUN).write_text("{}")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".xalt.d").symlink_to(tmp_path / "real")
    problems = []
    inside = {"inside": (".xalt.d",), "on_error": problems.append}
    assert everything(tmp_path / "home", **inside) == [] and problems == []
    assert everything(tmp_path / "none", **inside) == [] and problems == []


def test_a_name_that_became_a_link_after_it_was_seen_is_not_read(tmp_path):
    (tmp_path / RUN).write_text("{}")
    (tmp_path / "secret").write_text("secret")
    for file in record_files(str(tmp_path)):
        (tmp_path / RUN).unlink()
        (tmp_path / RUN).symlink_to(tmp_path / "secret")
        with pytest.raises(OSError):
            file.read()


def test_what_cannot_be_read_is_told_and_the_rest_is_found(tmp_path):
    (tmp_path / RUN).write_text("{}")
    problems = []
    assert len(everything(tmp_path, on_error=problems.append)) == 1
    assert everything(tmp_path / RUN, on_error=problems.append) == [] == problems
    if os.geteuid():
        tmp_path.chmod(0)
        assert everything(tmp_path, on_error=problems.append) == [] and len(problems) == 1


def test_a_tree_that_is_too_deep_is_told_and_its_beginning_is_found(tmp_path):
    place = tmp_path
    for _level in range(tree.MOST_LEVELS + 5):
        (place / RUN).write_text("{}")
        place = place / "d"
        place.mkdir()
    problems = []
    assert len(everything(tmp_path, on_error=problems.append)) == tree.MOST_LEVELS
    assert len(problems) == 1


def test_a_tree_is_walked_as_it_is_asked_for_and_keeps_nothing_open(tmp_path):
    for number in range(50):
        (tmp_path / f"{number:03d}").mkdir()
        (tmp_path / f"{number:03d}" / RUN).write_text("{}")
    before = open_files()
    files = record_files(str(tmp_path))
    next(files)
    for directory in tmp_path.iterdir():
        if (directory / RUN).exists():
            (directory / RUN).unlink()
            directory.rmdir()
    assert list(files) == []
    assert open_files() == before
    (tmp_path / RUN).write_text("{}")
    files = record_files(str(tmp_path))
    next(files)
    files.close()
    assert open_files() == before
