"""The PNG shows the same: looked at pixel by pixel."""

import pytest

from epmtlite import selection
from epmtlite.plot import data, formats, palette, picture
from tests.epmtlite.made_jobs import HOUR, epmt, made_job, random_records, record
from tests.epmtlite.plot.hostile import hostile_job

pytest.importorskip("matplotlib", reason="no matplotlib: the extra analysis is not installed")


def pixels(path):
    """Return the pixels of a PNG as rows of (red, green, blue) from 0 to 255."""
    from matplotlib import image

    return (image.imread(path)[:, :, :3] * 255).round().astype(int)


def rgb(colour):
    """Return the numbers of #rrggbb."""
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def count_of(found, colour):
    """Return how many pixels have a colour."""
    return int((found == rgb(colour)).all(axis=2).sum())


def read(site, names):
    """Return the data of jobs."""
    database = site.connect()
    try:
        return [data.job_data(database, job, 1000) for job in selection.named_jobs(database, names)]
    finally:
        database.close()


def test_bars_are_as_long_as_processes(stored, tmp_path):
    records = [
        record(pid=10, start=0, lasts=HOUR, exename="long"),
        record(pid=11, start=0, lasts=HOUR // 4, exename="short"),
    ]
    jobs = read(stored(made_job(records)), ["100"])
    picture.write(jobs, tmp_path / "x.png", False)
    found = pixels(tmp_path / "x.png")
    timeline = found[: len(found) // 2]
    long, short = (count_of(timeline, colour) for colour in palette.COLOURS[:2])
    assert 3.7 < long / short < 4.3


def test_pictures_of_all_kinds_of_jobs(stored, tmp_path):
    site = stored(hostile_job("7"), made_job(random_records(300), jobid="8"))
    for words in (("7",), ("8",), ("--compare", "7", "8"), ("8", "--limit", "10")):
        target = tmp_path / f"{'-'.join(words)}.png"
        done = epmt(site, "plot", *words, "-o", target)
        assert done.stderr == ""
        assert pixels(target).std() > 1


def test_what_is_too_short_to_see_is_merged():
    columns = {
        "start": [0, 10, 20, 95, 300], "duration": [5, 8, 5, 3, 200],
        "host": [0, 0, 0, 0, 0], "lane": [0, 0, 0, 0, 0],
    }  # fmt: skip
    assert picture.visible_bars(columns, 50) == [(0, 50, 1), (50, 100, 3), (300, 500, 4)]


def test_numbers_as_people_read_them():
    assert formats.time_text(1500) == "1.5 ms"
    assert formats.time_text(90_000_000) == "1 min 30 s"
    assert formats.time_text(7_260_000_000) == "2 h 01 min"
    assert formats.clock_text(3_661_500_000) == "1:01:01.5"
    assert formats.clock_text(-1_000_000) == "-0:00:01"
    assert [formats.step_for(seconds, 8) for seconds in (8, 527, 10**6)] == [1, 120, 172800]
    assert formats.step_for(0.02, 8) == pytest.approx(0.005)
