"""What the installer does with the directory of an installation, its environment being a stub."""

import os
import platform
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.conftest import CHECKOUT

INSTALLER = CHECKOUT / "release" / "installer"
PYTHON = "3.11"


class Killed(BaseException):
    """An installer that is killed goes no further, and does nothing about it."""


@pytest.fixture
def installer(monkeypatch):
    """The modules of the installer, which is no package but one archive."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(INSTALLER))
    import bundle
    import environment
    import failures
    import installing
    import interpreter
    import manifest
    import prefix
    import removing

    def make(_prefix, home, *_others):
        shutil.copytree(CHECKOUT / "conf", home / "lib/python3.11/site-packages/usagedb/conf")
        for name in ("commands", "share"):
            (home / name).mkdir()
            (home / name / "epmt").write_text("")

    monkeypatch.setattr(environment, "make", make)
    monkeypatch.setattr(environment, "verify", lambda *_arguments: None)
    monkeypatch.setattr(environment, "say", lambda _text: None)
    monkeypatch.setattr(interpreter, "choose", lambda *_arguments: (sys.executable, PYTHON))
    for module in (installing, prefix):
        monkeypatch.setattr(module, "ignore_signals", lambda: None)
    yield SimpleNamespace(
        bundle=bundle, installing=installing, prefix=prefix, manifest=manifest, removing=removing,
        environment=environment, failures=failures,
    )  # fmt: skip
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(INSTALLER)):
            del sys.modules[name]


def release(version):
    """Return what a Bundle says of a release."""
    commands = [path.name for path in (CHECKOUT / "bin").iterdir()]
    return SimpleNamespace(version=version, machine=platform.machine(), glibc="2.0",
                           commands=commands, pythons={PYTHON: {"extras": []}})  # fmt: skip


def kill_before(installer, monkeypatch, name):
    """Let the installer be killed when it makes a link: nothing is tidied up."""
    real = installer.prefix.switch

    def switch(link, target):
        if link.name == name:
            raise Killed
        real(link, target)

    monkeypatch.setattr(installer.installing, "switch", switch)
    monkeypatch.setattr(installer.prefix, "remove_own", lambda _prefix: None)
    monkeypatch.setattr(installer.prefix, "unmark", lambda _prefix: None)


@pytest.mark.parametrize("name", ["bin", "share", "current"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_upgrade_completes_what_a_killed_installer_has_left(
    installer, monkeypatch, tmp_path, name, version
):
    place = tmp_path / "hpc"
    with monkeypatch.context() as killing, pytest.raises(Killed):
        kill_before(installer, killing, name)
        installer.installing.install(release("1.0"), place)
    assert (place / ".installing").exists() and not (place / "current").exists()
    assert installer.prefix.is_leftover(place)
    installer.installing.upgrade(release(version), place)
    assert sorted(path.name for path in place.iterdir()) == [
        "bin", "conf", "current", "manifest.json", "modulefiles", "releases", "share",
    ]  # fmt: skip
    assert (place / "bin" / "epmt").exists() and (place / "share" / "epmt").exists()
    (edited, *_others) = (place / "conf").iterdir()
    edited.write_text("edited")
    with pytest.raises(installer.prefix.UsageError, match="it holds an installation"):
        installer.installing.install(release("1.1"), place)
    assert edited.read_text() == "edited"


def test_an_installation_in_use_is_never_taken_for_a_leftover(installer, tmp_path):
    """As when the installer was killed between its last two steps."""
    place = tmp_path / "hpc"
    installer.installing.install(release("1.0"), place)
    (place / ".installing").touch()
    assert not installer.prefix.is_leftover(place)
    with pytest.raises(installer.prefix.UsageError, match="it holds an installation"):
        installer.installing.install(release("1.1"), place)
    assert installer.removing.uninstall(place) == [] and not place.exists()


ORDERED = (
    "", "1.0.dev1", "1.0a1.dev2", "1.0a1", "1.0b2", "1.0rc1", "1.0rc2", "1.0", "1.0.post1", "1.0.1",
    "1.1", "1.2rc1", "1.2", "1.10", "2",
)  # fmt: skip


def test_versions_are_ordered_as_they_follow_each_other(installer):
    for place, old in enumerate(ORDERED):
        for new in ORDERED[place:]:
            installer.installing.check_newer(old, new)
        for new in ORDERED[1:place]:
            with pytest.raises(installer.installing.UsageError, match="which is newer than"):
                installer.installing.check_newer(old, new)
    assert installer.bundle.order_of("1.0.0") == installer.bundle.order_of("1")


def test_a_candidate_is_upgraded_and_not_downgraded_to(installer, tmp_path):
    place = tmp_path / "hpc"
    installer.installing.install(release("1.1"), place)
    for version in ("1.2rc1", "1.2rc2", "1.2"):
        installer.installing.upgrade(release(version), place)
        assert installer.manifest.installed_version(place) == version
    for version in ("1.2rc3", "1.1"):
        with pytest.raises(installer.installing.UsageError):
            installer.installing.upgrade(release(version), place)
    assert installer.manifest.installed_version(place) == "1.2"


def test_nothing_is_removed_where_another_account_may_write(installer, tmp_path):
    place = tmp_path / "hpc"
    installer.installing.install(release("1.0"), place)
    place.chmod(0o775)
    for action in (
        lambda: installer.removing.plan(place),
        lambda: installer.removing.uninstall(place),
        lambda: installer.installing.upgrade(release("1.1"), place),
    ):
        with pytest.raises(installer.prefix.Refused, match="another account owns it or may"):
            action()
    place.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(place, 65534, -1)
        with pytest.raises(installer.prefix.Refused):
            installer.removing.uninstall(place)
        os.chown(place, 0, -1)
    assert (place / "current" / "commands" / "epmt").exists()
    assert installer.removing.uninstall(place) == []


@pytest.mark.parametrize("name", ["releases", "releases/1.0", "releases/1.0/commands", "conf"])
def test_nothing_is_removed_through_a_link(installer, tmp_path, name):
    place, elsewhere = tmp_path / "hpc", tmp_path / "elsewhere"
    installer.installing.install(release("1.0"), place)
    (place / name).rename(elsewhere)
    (place / name).symlink_to(elsewhere)
    before = sorted(tmp_path.rglob("*")) + sorted(elsewhere.rglob("*"))
    for action in (installer.removing.plan, installer.removing.uninstall):
        with pytest.raises(installer.prefix.Refused, match=f"{place / name}: a link"):
            action(place)
    assert sorted(tmp_path.rglob("*")) + sorted(elsewhere.rglob("*")) == before


def listing(place):
    """Return what is in a directory of an installation, and where its links lead."""
    return sorted(
        (path.name, str(path.resolve()))
        for folder in (place, place / "releases")
        for path in folder.iterdir()
    )


def test_an_upgrade_leaves_a_directory_in_the_place_of_a_link(installer, tmp_path):
    place = tmp_path / "hpc"
    installer.installing.install(release("1.0"), place)
    (place / "bin").unlink()
    (place / "bin").mkdir()
    (place / "share").unlink()
    installer.installing.upgrade(release("1.1"), place)
    assert installer.manifest.installed_version(place) == "1.1"
    assert (place / "share" / "epmt").exists() and (place / "bin").is_dir()
    assert not (place / "bin.new").is_symlink()


def test_an_upgrade_that_cannot_be_put_to_use_leaves_all_as_it_was(installer, tmp_path):
    place = tmp_path / "hpc"
    installer.installing.install(release("1.0"), place)
    (place / "share").unlink()
    (place / "current").unlink()
    (place / "current").mkdir()
    before = listing(place)
    with pytest.raises(IsADirectoryError):
        installer.installing.upgrade(release("1.1"), place)
    assert listing(place) == before


@pytest.fixture
def signals(installer):
    """The signals that end the installer become errors, as in its main; then they are as before."""
    before = {number: signal.getsignal(number) for number in installer.failures.SIGNALS}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    installer.failures.raise_on_signals()
    yield installer.failures.SIGNALS
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_while_pip_begins_ends_pip(installer, signals, monkeypatch, tmp_path):
    """It would go on, and write into the directory that has just been removed."""
    begun = []

    class Signalled(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            begun.append(self)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(installer.environment.subprocess, "Popen", Signalled)
    with pytest.raises(installer.failures.Interrupted) as raised:
        installer.environment.run(["sleep", "600"], "pip", SimpleNamespace(directory=tmp_path))
    ends = [process.returncode for process in begun]
    for process in begun:
        process.kill()
    assert (ends, raised.value.exit_code) == ([-signal.SIGTERM], 128 + signal.SIGTERM)
    assert {signal.getsignal(number) for number in signals} == {signal.SIG_IGN}  # it undoes now
