"""The paths of an installation are put into the site files; what was changed there is kept."""

import re
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

INSTALLER = CHECKOUT / "release" / "installer"
PREFIX = Path("/opt/site/hpcusage")
COMMANDS = [path.name for path in (CHECKOUT / "bin").iterdir()]


@pytest.fixture
def installer(monkeypatch):
    """The module settings_files of the installer, which is no package but one archive."""
    monkeypatch.syspath_prepend(str(INSTALLER))
    import settings_files

    return settings_files


def test_every_rule_finds_its_place(installer):
    """A changed site file must not lose its path in silence."""
    for name, pattern, _new in installer.RULES:
        files = list((CHECKOUT / "conf").glob(name))
        assert files, name
        for path in files:
            assert re.search(pattern, path.read_text(), re.MULTILINE), (path, pattern)


def test_no_command_of_another_place_is_left(installer):
    files = installer.render(CHECKOUT / "conf", PREFIX, "3.11", COMMANDS)
    for name, content in files.items():
        for command in COMMANDS:
            pattern = rf"/usr/local/bin/{re.escape(command)}(?![\w.-])"
            assert not re.search(pattern, content.decode()), name


@pytest.mark.parametrize(
    "name, line",
    [
        ("cron.d-lmodtrack", "PATH=/opt/site/hpcusage/bin:/usr/local/bin:/usr/bin:/bin"),
        ("epmt-job.sh", "export PATH=/opt/site/hpcusage/bin:$PATH"),
        ("epmt-job.csh", 'setenv PATH "/opt/site/hpcusage/bin:$PATH"'),
        (
            "epmt-task-prolog.sh",
            ': "${EPMT:=$(command -v epmt || echo /opt/site/hpcusage/bin/epmt)}"',
        ),
        ("slurm-prolog-userportal.py", "#!/opt/site/hpcusage/current/bin/python3"),
        ("userportal.service", "ExecStartPre=/opt/site/hpcusage/bin/userportal migrate --check"),
    ],
)
def test_the_paths_are_those_of_the_installation(installer, name, line):
    files = installer.render(CHECKOUT / "conf", PREFIX, "3.11", COMMANDS)
    assert line in files[name].decode().splitlines()


def test_the_rest_of_a_file_stays_byte_for_byte(installer):
    files = installer.render(CHECKOUT / "conf", PREFIX, "3.11", COMMANDS)
    for name in ("SitePackage.lua", "sample-moduleUsage.log", "xalt-epilog.sh"):
        assert files[name] == (CHECKOUT / "conf" / name).read_bytes()


def test_a_changed_file_is_kept_and_the_new_one_lies_beside_it(installer, tmp_path):
    settings = installer.Settings(tmp_path / "conf", {})
    settings.install({"a": b"1", "b": b"1"})
    (tmp_path / "conf" / "b").write_bytes(b"mine")
    settings = installer.Settings(tmp_path / "conf", settings.recorded)
    settings.install({"a": b"2", "b": b"2", "c": b"2"})
    found = {path.name: path.read_bytes() for path in (tmp_path / "conf").iterdir()}
    assert found == {"a": b"2", "b": b"mine", "b.new": b"2", "c": b"2"}
    assert settings.kept == ["b"]


def test_what_was_written_is_taken_back(installer, tmp_path):
    settings = installer.Settings(tmp_path / "conf", {})
    settings.install({"a": b"1", "b": b"1"})
    (tmp_path / "conf" / "b").write_bytes(b"mine")
    settings = installer.Settings(tmp_path / "conf", settings.recorded)
    settings.install({"a": b"2", "b": b"2", "c": b"2"})
    settings.roll_back()
    found = {path.name: path.read_bytes() for path in (tmp_path / "conf").iterdir()}
    assert found == {"a": b"1", "b": b"mine"}


def test_a_link_is_not_written_through(installer, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"of another")
    (tmp_path / "conf" / "a").symlink_to(tmp_path / "elsewhere")
    settings = installer.Settings(tmp_path / "conf", {})
    settings.install({"a": b"new"})
    assert (tmp_path / "elsewhere").read_bytes() == b"of another"
    assert (tmp_path / "conf" / "a").is_symlink()
    assert (tmp_path / "conf" / "a.new").read_bytes() == b"new"
    assert settings.kept == ["a"]
