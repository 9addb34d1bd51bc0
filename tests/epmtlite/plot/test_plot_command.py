"""epmt plot: where it writes, what it refuses, and with which status."""

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from epmtlite.plot import files
from tests.conftest import CHECKOUT
from tests.epmtlite.made_jobs import epmt, made_job, random_records, record, write_job

JOBS = [made_job(random_records(30, seed=number), jobid=str(100 + number)) for number in range(5)]


@pytest.fixture
def filled(stored):
    """A Site with JOBS."""
    return stored(*JOBS)


def test_page_is_written_beside_and_its_name_is_told(filled, tmp_path):
    place = tmp_path / "here"
    place.mkdir()
    done = epmt(filled, "plot", "100", cwd=place)
    assert done.stdout == "100.html\n" and done.stderr == ""
    assert [path.name for path in place.iterdir()] == ["100.html"]
    assert "<title>Job 100</title>" in (place / "100.html").read_text()


def test_page_on_standard_output_from_every_database(site, tmp_path):
    site.create()
    epmt(site, "submit", write_job(JOBS[0], tmp_path / "job"))
    done = epmt(site, "plot", "100", "-o", "-", cwd=tmp_path)
    assert not list(tmp_path.glob("*.html"))
    assert done.stdout.startswith("<!DOCTYPE html>") and done.stdout.endswith("</html>\n")


def test_file_that_is_there_is_kept(filled, tmp_path):
    target = tmp_path / "x.html"
    target.write_text("mine")
    done = epmt(filled, "plot", "100", "-o", target, status=74)
    assert done.stderr == (
        f"Error: cannot write {target}: it is there already: say --force, or -o\n"
    )
    assert target.read_text() == "mine"
    epmt(filled, "plot", "100", "-o", target, "--force")
    assert target.read_text().startswith("<!DOCTYPE html>")


def test_what_is_no_ordinary_file_is_never_replaced(filled, tmp_path):
    link, fifo = tmp_path / "link.html", tmp_path / "fifo.html"
    link.symlink_to(tmp_path / "elsewhere")
    os.mkfifo(fifo)
    for path in (link, fifo, tmp_path, "/dev/null"):
        done = epmt(filled, "plot", "100", "-o", path, "--force", status=74)
        assert "no ordinary file" in done.stderr
    assert link.is_symlink() and stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_directory_that_is_not_there(filled, tmp_path):
    done = epmt(filled, "plot", "100", "-o", tmp_path / "none" / "x.html", status=74)
    assert "No such file or directory" in done.stderr


def test_directory_that_must_not_be_written(filled, tmp_path, nobody):
    place = tmp_path / "closed"
    place.mkdir(mode=0o755)
    for path in (filled.directory, filled.conf_path, filled.config.database):
        Path(path).chmod(0o777)
    done = epmt(filled, "plot", "100", "-o", place / "x.html", status=77, **nobody)
    assert "Permission denied" in done.stderr
    assert list(place.iterdir()) == []


def test_full_disk_leaves_nothing(filled, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    limit = 50_000  # bytes of a file: less than a page, more than SQLite needs to read

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = epmt(filled, "plot", "100", "-o", place / "x.html", status=74, preexec_fn=limited)
    assert "File too large" in done.stderr
    assert list(place.iterdir()) == []


def test_closed_output_is_told(filled):
    done = epmt(
        filled, "plot", "100", "-o", "-", status=74, preexec_fn=lambda: os.close(1),
    )  # fmt: skip
    assert "Error: cannot write the output" in done.stderr


def test_reader_that_goes_away_is_no_error(filled):
    words = [sys.executable, CHECKOUT / "bin" / "epmt", "plot", "--confFn", filled.conf_path]
    words += ["100", "-o", "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() == 128 + signal.SIGPIPE


def test_unknown_job(filled, tmp_path):
    done = epmt(filled, "plot", "nobody's", status=66, cwd=tmp_path)
    assert done.stderr == "Error: no job nobody's is in the database\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("100", "101"), "say --compare or --outliers"),
        (("--compare", "100", "100"), "at least two jobs"),
        (("--compare", "100", "/100"), "at least two jobs"),
        (("--outliers", "100", "101", "102"), "at least 4 jobs, not 3"),
        (("100", "--format", "png", "-o", "-"), "png needs a file"),
        (("--outliers", "100", "101", "102", "103", "-o", "x.png"), "for html only"),
        (("100", "--limit", "0"), "--limit needs a number of at least 1"),
        (("100", "--limit", "many"), "--limit"),
        (("100", "--compare", "--outliers"), "not allowed with"),
        ((), "required"),
    ],
)
def test_what_cannot_be_asked_for(filled, tmp_path, words, reason):
    done = epmt(filled, "plot", *words, status=2, cwd=tmp_path)
    assert reason in done.stderr
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob("*.png"))


def test_png_needs_matplotlib(filled, tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "matplotlib.py").write_text("raise ImportError('none here')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "none")}
    options = {"cwd": tmp_path, "env": environment}
    done = epmt(filled, "plot", "100", "-o", "x.png", status=78, **options)
    assert "pip install 'hpcusage[analysis]'" in done.stderr
    epmt(filled, "plot", "100", "-o", "x.html", **options)


def test_page_needs_no_library_of_the_extra(filled, tmp_path):
    code = (
        "import sys; from epmtlite import command\n"
        "try: command.main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'matplotlib', 'numpy', 'pandas'} & set(sys.modules)\n"
    )
    words = ["plot", "--confFn", filled.conf_path, "100", "-o", tmp_path / "x.html"]
    subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True)


def test_names_of_files_are_harmless():
    assert files.safe_name(["../../etc/passwd"]) == "etc_passwd"
    assert files.safe_name(["-rf $(x)"]) == "rf_x"
    assert files.safe_name(["..."]) == "job"
    assert files.safe_name(["4711[3].srv"]) == "4711_3_.srv"
    assert len(files.safe_name(["x" * 500])) == files.LONGEST_NAME
    assert files.safe_name(["1", "2"], "compare") == "compare-1-2"
    assert files.safe_name(["1", "2", "3"], "outliers") == "outliers-1-and-2-more"


def test_job_of_one_moment_is_drawn(stored, tmp_path):
    site = stored(made_job([record(lasts=0)]))
    for name in ("x.html", "x.png"):
        epmt(site, "plot", "100", "-o", tmp_path / name)
