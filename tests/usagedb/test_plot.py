"""Plots in files: whole and the same every time, or a clear error and no file."""

import contextlib
import resource
import stat
import sys
import xml.etree.ElementTree

import pytest

from usagedb import errors, plot

pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra: analysis)")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
LABELS = ["/apps/gcc13/modulefiles/fftw3/3.3.10.lua", "$evil\x1b[31m$", "日本語/1.0"]
DAYS = [f"2026-01-{day:02d}" for day in range(1, 32)]
SERIES = {"users": list(range(31)), "loads": [None] + [7 * day for day in range(30)]}


def bar_plot(path):
    plot.write_bar_plot(path, LABELS, [1510, 62, 0], "Users of '%fftw%'", "Distinct users")


def time_plot(path):
    plot.write_time_plot(path, DAYS, SERIES, "Use by day")


BOTH = pytest.mark.parametrize("write", [bar_plot, time_plot])


@BOTH
def test_a_png_is_written_whole(tmp_path, write):
    write(tmp_path / "chart.PNG")
    written = (tmp_path / "chart.PNG").read_bytes()
    assert written.startswith(PNG_SIGNATURE)
    assert written.rstrip().endswith(b"IEND\xaeB`\x82")
    assert [path.name for path in tmp_path.iterdir()] == ["chart.PNG"]


@BOTH
def test_an_svg_is_well_formed_and_the_same_every_time(tmp_path, write):
    write(tmp_path / "first.svg")
    write(tmp_path / "second.svg")
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes()
    assert xml.etree.ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"


@BOTH
def test_a_plot_says_nothing(tmp_path, write, capfd):
    write(tmp_path / "chart.png")
    assert capfd.readouterr() == ("", "")


def test_no_data_make_an_empty_plot(tmp_path):
    plot.write_bar_plot(tmp_path / "bar.svg", [], [], "Users", "Distinct users")
    plot.write_time_plot(tmp_path / "time.svg", [], {"users": []}, "Users")
    assert b"<!-- Users (no data) -->" in (tmp_path / "bar.svg").read_bytes()
    assert b"<!-- Users (no data) -->" in (tmp_path / "time.svg").read_bytes()


def test_more_bars_than_can_be_read_are_left_out_and_it_is_said(tmp_path):
    names = [f"package{number:04d}" for number in range(1200)]
    plot.write_bar_plot(tmp_path / "bar.svg", names, list(range(1200)), "Users", "Distinct users")
    text = (tmp_path / "bar.svg").read_text()
    assert "<!-- Users (the first 150 of 1,200) -->" in text
    assert "<!-- package0149 -->" in text
    assert "<!-- package0150 -->" not in text


def test_a_dollar_in_a_name_is_no_mathematics_and_an_escape_no_escape(tmp_path):
    bar_plot(tmp_path / "bar.svg")
    assert r"<!-- $evil\x1b[31m$ -->" in (tmp_path / "bar.svg").read_text()


def test_a_plot_replaces_an_older_one_and_follows_no_link(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "bar.svg").symlink_to(tmp_path / "precious")
    bar_plot(tmp_path / "bar.svg")
    assert (tmp_path / "precious").read_text() == "precious"
    assert stat.S_ISREG((tmp_path / "bar.svg").lstat().st_mode)


@BOTH
@pytest.mark.parametrize("name", ["chart.pdf", "chart", "chart.png.txt"])
def test_cant_plot_to_another_format(tmp_path, write, name):
    with pytest.raises(errors.UsageError, match=r"must end in \.png or \.svg"):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_cant_plot_without_matplotlib(tmp_path, write, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'hpcusage\[analysis\]'"):
        write(tmp_path / "chart.png")
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_cant_plot_into_a_missing_directory(tmp_path, write):
    with pytest.raises(errors.WriteError, match="cannot write .*/missing/chart.png: No such file"):
        write(tmp_path / "missing" / "chart.png")


@BOTH
def test_cant_plot_below_a_file(tmp_path, write):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.WriteError, match="Not a directory"):
        write(tmp_path / "file" / "chart.png")


@contextlib.contextmanager
def room_for_a_kilobyte():
    """Refuse files above 1,000 bytes, as a full disk would; the test's own output is one, too,
    so no more than the writing may be inside."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@BOTH
def test_a_full_disk_leaves_the_older_plot_and_nothing_else(tmp_path, write):
    (tmp_path / "chart.png").write_text("older")
    large = "cannot write .*chart.png: File too large"
    with pytest.raises(errors.WriteError, match=large), room_for_a_kilobyte():
        write(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["chart.png"]


@BOTH
def test_cant_plot_over_a_directory_and_nothing_is_left_behind(tmp_path, write):
    (tmp_path / "chart.png").mkdir()
    with pytest.raises(errors.WriteError, match="no ordinary file"):
        write(tmp_path / "chart.png")
    assert [path.name for path in tmp_path.iterdir()] == ["chart.png"]


@BOTH
def test_settings_of_the_caller_stay_as_they_were(tmp_path, write):
    import matplotlib

    before = dict(matplotlib.rcParams)
    write(tmp_path / "chart.svg")
    assert dict(matplotlib.rcParams) == before
