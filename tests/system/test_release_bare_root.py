"""A release is installed and works in a bare Debian without network, as on a site's machine."""

import os
import shlex
import shutil
import subprocess

import pytest

from tests import services
from tests.conftest import CHECKOUT
from tests.release import containerfile
from tests.release.containerfile import SUITE
from tests.release_site import make_release, run_in

PYTHON = "3.11"
# In namespaces of its own: no network, and what is mounted goes with the last process.
INSIDE = """
mount -t proc proc "$1/proc" || exit 99
root=$1; shift
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The directory of a bare Debian with Python, a release in /media; it is gone afterwards."""
    if os.geteuid() != 0:
        services.give_up("only root can make a bare root")
    services.require_service("debootstrap", "unshare", "chroot")
    release = make_release(tmp_path_factory.mktemp("release"), pythons=(PYTHON,))
    directory = tmp_path_factory.mktemp("bare") / "root"
    command = ["debootstrap", "--variant=minbase", "--include=python3,man-db", SUITE, directory]
    command += [one for one in [os.environ.get("HPCUSAGE_DEBIAN_MIRROR")] if one]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(directory, ignore_errors=True)
        services.give_up(
            f"debootstrap cannot make a root here: {done.stdout[-500:]}{done.stderr[-500:]}"
        )
    for path in (release.archive, release.installer, release.directory / "SHA256SUMS"):
        shutil.copy(path, directory / "media")
    yield directory
    shutil.rmtree(directory)


def run(root, *command):
    """Run a command inside, without network; return the CompletedProcess."""
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", INSIDE, "sh", root]
    return run_in("/", *words, *command)


def files(root):
    """Return the paths of all files inside, but those that the system itself writes, and those of
    its accounts."""
    accounts = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid", ".pwd.lock")
    left_out = ("proc/", "var/cache/", "var/lib/", "var/log/", "tmp/", "run/",
                *(f"etc/{name}" for name in accounts))  # fmt: skip
    found = (str(path.relative_to(root)) for path in root.rglob("*"))
    return sorted(path for path in found if not path.startswith(left_out) and
                  not path.endswith(".pyc") and "__pycache__" not in path)  # fmt: skip


@pytest.fixture(scope="module")
def before(root):
    """The paths of the files before anything was installed, without a word of the installer."""
    assert run(root, "python3", "-c", "import ensurepip").returncode, "a Python as Debian has it"
    found = files(root)
    done = run(root, "sh", "-c", "cd /media && ./hpcusage-installer hpcusage-*.tgz")
    assert done.returncode == 2 and "say --prefix DIR --yes" in done.stderr
    return found


@pytest.fixture(scope="module")
def as_user(root, before):
    """What begins a command line in a container: the steps of release/Containerfile are taken, as
    an engine does it, in this Debian in the place of the image with its Python."""
    text = containerfile.PATH.read_text()
    environment = containerfile.environment(text)
    environment["PATH"] = environment["PATH"].replace("$PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    account = []
    for name, rest in containerfile.instructions(text):
        words = shlex.split(rest)
        if name == "COPY":
            target = root / words[-1].lstrip("/")
            target.mkdir(parents=True)
            for path in (path for one in words[:-1] for path in (root / "media").glob(one)):
                shutil.copy(path, target)
        elif name == "RUN":
            done = run(root, "sh", "-c", rest)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "Installation successful." in done.stdout
        elif name == "USER":
            account = ["setpriv", f"--reuid={rest}", f"--regid={rest}", "--clear-groups"]
    assert not (root / "tmp" / "release").exists()
    return [*account, "env", *(f"{name}={value}" for name, value in environment.items())]


def test_the_steps_of_the_container_file_make_what_it_says(root, as_user):
    text = containerfile.PATH.read_text()
    shutil.copy(CHECKOUT / "conf" / "sample-moduleUsage.log", root / "var" / "log")
    done = run(root, *as_user, "store_module_data", "-v", "/var/log/sample-moduleUsage.log")
    assert done.returncode == 3 and "2989 loads" in done.stderr, done.stderr
    (volume,) = containerfile.arguments(text, "VOLUME")[0]
    assert f"database: {volume}/usage.db " in done.stderr
    done = run(root, *as_user, *containerfile.command(text))
    assert "store_module_data" in done.stdout and "Traceback" not in done.stderr, done


def test_it_shows_the_demo_has_pages_and_leaves_nothing(root, before, as_user):
    done = run(root, "sh", "/opt/hpcusage/conf/demo.sh", "/opt/hpcusage/bin", "/tmp/demo")
    assert done.returncode == 0, done.stderr
    assert "2989 loads" in done.stderr
    assert "/apps/gcc13/modulefiles/fftw3/3.3.10.lua                         17\n" in done.stdout
    done = run(root, "sh", "-c", "PATH=/opt/hpcusage/bin:$PATH; man epmt-run && man conf_create.py")
    assert done.returncode == 0 and "--no-trace GLOB" in done.stdout, done.stderr
    assert "conf_create - write" in done.stdout
    done = run(root, "/opt/hpcusage/bin/epmt", "run", "-a", "--jobid", "1", "--", "true")
    assert done.returncode == 0, done.stderr
    done = run(root, "/opt/hpcusage/bin/hpcusage-uninstall", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert files(root) == before
    assert (root / "tmp" / "demo" / "usage.db").is_file()
