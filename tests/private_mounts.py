"""Run a command where a directory is on a file system of its own: read-only, or a very small one.

The mounts are seen by that command alone, and are gone with it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests import services
from tests.conftest import CHECKOUT

READ_ONLY = """
directory=$1; shift
mount --bind "$directory" "$directory" && mount -o remount,ro,bind "$directory" && exec "$@"
"""
# The content is copied in before, and out again at the end; there is room for the second run.
SMALL = """
directory=$1; size=$2; shift 2
mount -t tmpfs -o size=$size none "$directory" || exit 99
cp -a "$directory.before/." "$directory" || exit 99
"$@"
status=$?
mount -o remount,size=200m "$directory" || exit 99
"$@" || echo "second run: $?" >&2
mkdir "$directory.after" && cp -a "$directory/." "$directory.after" || exit 99
exit $status
"""


def require_mounts():
    """Give up where this account cannot mount anything for itself."""
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if done.returncode:
        services.give_up("file systems can be mounted by root only, and not in every container")


def run_read_only(directory, command, *arguments, **options):
    """Run bin/<command> with a directory that is read-only; return the CompletedProcess."""
    return in_namespace(READ_ONLY, directory, *words(command, arguments), **options)


def run_twice_in_small(directory, free_bytes, command, *arguments):
    """Run bin/<command> with a directory that has so much room only, then again with plenty.

    Returns the CompletedProcess, with the status of the first run; the directory is what both left.
    """
    directory = Path(directory)
    before = directory.with_name(directory.name + ".before")
    shutil.copytree(directory, before, symlinks=True)
    blocks = subprocess.run(["du", "-s", "-B", "1", before], capture_output=True, check=True)
    size = int(blocks.stdout.split()[0]) + free_bytes
    done = in_namespace(SMALL, directory, str(size), *words(command, arguments))
    after = directory.with_name(directory.name + ".after")
    shutil.rmtree(directory)
    after.rename(directory)
    return done


def words(command, arguments):
    """Return the command line of a command of the checkout."""
    return (sys.executable, CHECKOUT / "bin" / command, *arguments)


def in_namespace(script, *arguments, **options):
    """Run a shell script with mounts of its own; return the CompletedProcess."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options,
    )  # fmt: skip
