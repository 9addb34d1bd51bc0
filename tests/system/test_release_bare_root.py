"""A release is installed and works in a bare Debian without network, as on a site's machine."""

import os
import shutil
import subprocess

import pytest

from tests import services
from tests.release_site import give_up, make_release, run_in

SUITE, PYTHON = "bookworm", "3.11"
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
        give_up("only root can make a bare root")
    services.require_service("debootstrap", "unshare", "chroot")
    release = make_release(tmp_path_factory.mktemp("release"), pythons=(PYTHON,))
    directory = tmp_path_factory.mktemp("bare") / "root"
    command = ["debootstrap", "--variant=minbase", "--include=python3,man-db", SUITE, directory]
    command += [one for one in [os.environ.get("HPCUSAGE_DEBIAN_MIRROR")] if one]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(directory, ignore_errors=True)
        give_up(f"debootstrap cannot make a root here: {done.stdout[-500:]}{done.stderr[-500:]}")
    for path in (release.archive, release.installer, release.directory / "SHA256SUMS"):
        shutil.copy(path, directory / "media")
    yield directory
    shutil.rmtree(directory)


def run(root, *command):
    """Run a command inside, without network; return the CompletedProcess."""
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", INSIDE, "sh", root]
    return run_in("/", *words, *command)


def files(root):
    """Return the paths of all files inside, but those that the system itself writes."""
    left_out = ("proc/", "var/cache/", "var/lib/", "var/log/", "tmp/", "run/")
    found = (str(path.relative_to(root)) for path in root.rglob("*"))
    return sorted(path for path in found if not path.startswith(left_out) and
                  not path.endswith(".pyc") and "__pycache__" not in path)  # fmt: skip


def test_it_is_installed_shows_the_demo_has_pages_and_leaves_nothing(root):
    before = files(root)
    assert run(root, "python3", "-c", "import ensurepip").returncode, "a Python as Debian has it"
    done = run(root, "sh", "-c", "cd /media && ./hpcusage-installer hpcusage-*.tgz")
    assert done.returncode == 2 and "say --prefix DIR --yes" in done.stderr
    done = run(
        root,
        "sh",
        "-c",
        "cd /media && ./hpcusage-installer hpcusage-*.tgz --prefix /opt/hpcusage --yes",
    )
    assert done.returncode == 0, done.stderr  # fmt: skip
    assert "Installation successful." in done.stdout
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
