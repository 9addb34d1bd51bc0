"""Log lines carry their time, and go to the system's file only where that is safe."""

import logging
import re

import pytest

from afcollect import log


@pytest.fixture(autouse=True)
def restored_logging():
    """Give the root logger its handlers and level back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_debugging_also_writes_dated_lines_to_the_file(tmp_path, monkeypatch):
    path = tmp_path / "afmetrics.log"
    path.write_text("2026-01-01 00:00:00 an earlier run\n")
    monkeypatch.setattr(log.file_handlers, "__defaults__", (path,))
    log.set_up(verbose=2, debug=True)
    logging.getLogger("afcollect").debug("asked %s\x1b[2J", "who")
    earlier, line = path.read_text().splitlines()[:2]
    assert earlier.endswith("an earlier run")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d asked who\\x1b\[2J", line)
    log.set_up(verbose=2, debug=False)
    logging.getLogger("afcollect").debug("not in the file")
    assert "not in the file" not in path.read_text()


def test_a_link_and_a_directory_in_its_place_are_left_alone(tmp_path):
    (tmp_path / "target").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("link", ".", "none/afmetrics.log"):
        assert log.file_handlers(tmp_path / name) == []


def test_libraries_that_would_log_what_they_send_are_silent():
    log.set_up(verbose=2, debug=False)
    for name in ("urllib3.connectionpool", "kubernetes.client.rest"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
