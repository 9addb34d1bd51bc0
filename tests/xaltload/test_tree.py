"""Records are found in every layout, and nothing that is no record."""

import os

import pytest

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
            f"run.stampede2.2017_06_29_11_48_33.aaa.{UUID.upper()}.json",
            ("run", "stampede2", "2017_06_29_11_48_33", "", "aaa", UUID),
        ),
        (f"link.stampede.{UUID}.json", ("link", "stampede", "", "", "", UUID)),
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


def test_records_are_found_at_any_depth_and_links_and_pipes_are_not_followed(tmp_path):
    places = ["", "017", "run/017", "202601", f"202601/XALT_pkg_{UUID}", "a/b/c/d/e/f"]
    for place in places:
        (tmp_path / "tree" / place).mkdir(parents=True, exist_ok=True)
        for name in (RUN, LINK, PACKAGE):
            (tmp_path / "tree" / place / name).write_text("{}")
            (tmp_path / "tree" / place / f".{name}.new").write_text("{")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / RUN).write_text("secret")
    (tmp_path / "tree" / "linked").symlink_to(outside)
    (tmp_path / "tree" / "loop").symlink_to(tmp_path / "tree")
    (tmp_path / "tree" / RUN.replace("otter", "link")).symlink_to(outside / RUN)
    os.mkfifo(tmp_path / "tree" / RUN.replace("otter", "pipe"))
    found = list(record_files(tmp_path / "tree"))
    expected = {
        tmp_path / "tree" / place / name for place in places for name in (RUN, LINK, PACKAGE)
    }
    assert {file.path for file in found} == expected and len(found) == len(expected)
    assert {file.size_bytes for file in found} == {2}
    runs = list(record_files(tmp_path / "tree", wanted=lambda name: name.kind == "run"))
    assert len(runs) == len(places)


def test_what_cannot_be_read_is_told_and_the_rest_is_found(tmp_path):
    (tmp_path / RUN).write_text("{}")
    problems = []
    assert len(list(record_files(tmp_path, on_error=problems.append))) == 1
    assert list(record_files(tmp_path / RUN, on_error=problems.append)) == []
    assert [type(problem) for problem in problems] == [NotADirectoryError]
    assert list(record_files(tmp_path / "none", on_error=problems.append)) == []
    assert len(problems) == 1


def test_a_tree_is_walked_as_it_is_asked_for(tmp_path):
    for number in range(50):
        (tmp_path / f"{number:03d}").mkdir()
        (tmp_path / f"{number:03d}" / RUN).write_text("{}")
    files = record_files(tmp_path)
    next(files)
    for directory in tmp_path.iterdir():
        if (directory / RUN).exists():
            (directory / RUN).unlink()
            directory.rmdir()
    assert list(files) == []
