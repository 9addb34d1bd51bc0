"""Make the environment of a release: a venv in its last place, with all wheels, and tried out."""

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from failures import InstallError, Interrupted, WriteFailed, held_signals

PARALLEL = 4
MOST_LINES = 20
UNINSTALL = """\
#!/bin/sh
# Remove this installation of hpcusage; configuration that was changed, and data, stay.
for python in '{prefix}/current/bin/python3' python3; do
  "$python" -c '' 2>/dev/null &&
    exec "$python" -I '{prefix}/current/libexec/hpcusage-installer' --uninstall '{prefix}' "$@"
done
echo "Error: no Python runs here: {prefix} can be removed by hand, but for what is yours" >&2
exit 78
"""


def make(prefix, home, bundle, python, version, extras):
    """Make the environment `home` of a release, from the wheels of a bundle.

    prefix is the install directory, python the path of the interpreter, version its version.
    Raises InstallError with what the failed step says; the caller removes what there is.
    """
    run([python, "-I", "-m", "venv", "--without-pip", str(home)], "making the environment", bundle)
    pins = bundle.pythons[version]["pins"]
    constraints = bundle.directory / "constraints.txt"
    constraints.write_text("".join(pin + "\n" for pin in pins))
    (pip,) = [pin for pin in pins if pin.startswith("pip==")]
    (pip_wheel,) = bundle.wheels.glob(pip.replace("==", "-") + "-*.whl")
    package = "hpcusage{}=={}".format("[" + ",".join(extras) + "]" if extras else "",
                                      bundle.version)  # fmt: skip
    run(
        [
            str(home / "bin" / "python3"), "-I", str(pip_wheel / "pip"),
            "--isolated", "--disable-pip-version-check", "--no-input",
            "install", "--no-index", "--no-cache-dir", "--only-binary=:all:",
            "--find-links", str(bundle.wheels), "--constraint", str(constraints), package, "pip",
        ],
        "installing the wheels", bundle,
    )  # fmt: skip
    add_commands(prefix, home, bundle)


def add_commands(prefix, home, bundle):
    """Make the directory of a release that goes on PATH: its commands alone, no python3."""
    commands = home / "commands"
    commands.mkdir()
    for name in bundle.commands:
        (commands / name).symlink_to(Path("..", "bin", name))
    libexec = home / "libexec"
    libexec.mkdir()
    write(libexec / "hpcusage-installer", bundle.installer.read_bytes(), 0o755)
    text = UNINSTALL.format(prefix=prefix)
    write(commands / "hpcusage-uninstall", text.encode(), 0o755)


def write(path, content, mode):
    """Write a file that is not there yet."""
    with path.open("xb") as file:
        file.write(content)
    path.chmod(mode)


def verify(home, bundle):
    """Run every command of a release, and compare its version. Raises InstallError."""
    python = str(home / "bin" / "python3")
    run([python, "-I", "-m", "pip", "--isolated", "check"], "pip check", bundle)

    def check(name):
        said = run([str(home / "commands" / name), "--version"], name + " --version", bundle)
        if bundle.version not in said:
            raise InstallError(f"{name} --version says {said.strip()[:200]!r}")

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(check, bundle.commands))


def run(command, what, bundle):
    """Run a step and return what it prints; its own temporary files are beside the bundle's.

    Raises InstallError with what it prints if it fails.
    """
    environment = clean_environment()
    environment["TMPDIR"] = str(bundle.directory)
    process = None
    try:
        with held_signals():
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=environment, cwd="/",
            )  # fmt: skip
        output = process.communicate()[0].decode(errors="replace")
    except OSError as error:
        raise InstallError(f"{what} failed: {error}") from error
    except Interrupted:
        if process:
            process.terminate()
            process.wait()
        raise
    if process.returncode:
        text = "\n".join(output.strip().splitlines()[-MOST_LINES:])
        failure = WriteFailed if os.strerror(errno.ENOSPC) in output else InstallError
        raise failure(f"{what} failed ({process.returncode}): {text}")
    return output


def clean_environment():
    """Return the variables of this process without those that lead Python or pip elsewhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PIP_", "VIRTUAL_ENV", "__PYVENV", "HPCUSAGE_", "EPMT"))
    }


def site_packages(home):
    """Return the directory of the packages of an environment."""
    (found,) = home.glob("lib/python3.*/site-packages")
    return found


def say(text):
    """Print what is being done."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
