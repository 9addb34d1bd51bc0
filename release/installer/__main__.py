"""The installer of hpcusage for machines without network; the same file removes it again."""

import os
import sys
import tempfile
from pathlib import Path

import bundle as bundles
import command_line
import installing
import manifest
import modulefiles
import prefix as prefixes
import removing
from failures import (
    InstallError,
    Interrupted,
    UsageError,
    ignore_signals,
    of_system,
    raise_on_signals,
)

OLDEST_PYTHON = (3, 6)


def main(arguments=None):
    """Run the installer and return its exit status."""
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write("Error: the installer needs Python 3.6: run it with python3\n")
        return 78
    options = command_line.make_parser().parse_args(arguments)
    raise_on_signals()
    os.umask(0o022)
    try:
        act(options)
        sys.stdout.flush()
        return 0
    except Interrupted as end:
        sys.stderr.write("\nInterrupted: nothing was changed.\n")
        return end.exit_code
    except InstallError as error:
        return tell(error)
    except OSError as error:
        return tell(of_system(error))


def tell(error):
    """Print one line, and return the exit code of an error."""
    sys.stderr.write(f"Error: {error}\n")
    return error.exit_code


def act(options):
    """Do what the options ask for."""
    if options.uninstall:
        if options.archive or options.upgrade or options.prefix:
            raise UsageError("--uninstall goes alone")
        uninstall(prefixes.absolute(options.uninstall), options)
        return
    if not options.archive:
        raise UsageError("name the archive hpcusage-VERSION.tgz, or --uninstall DIR")
    if options.upgrade and options.prefix:
        raise UsageError("--prefix is for a new installation, --upgrade names an old one")
    check_answers(options)
    archive = prefixes.absolute(options.archive)
    with tempfile.TemporaryDirectory(prefix="hpcusage-installer-") as scratch:
        print(f"Using release: {archive}")
        sys.stdout.flush()
        bundle = bundles.unpack(archive, Path(scratch))
        if options.upgrade:
            upgrade(bundle, prefixes.absolute(options.upgrade), options)
        else:
            install(bundle, options)


def install(bundle, options):
    """Install into a new directory."""
    prefix = ask_prefix(options)
    prefixes.check_name(prefix, bundle.version)
    prefixes.check_empty(prefix)
    print(f"Install directory: {prefix}")
    confirm(options)
    if options.dry_run:
        return
    installing.install(bundle, prefix, options.python, options.extras)
    print(modulefiles.final_text(prefix, bundle.version), end="")


def upgrade(bundle, prefix, options):
    """Install over an older release."""
    manifest.read(prefix)
    old = manifest.installed_version(prefix)
    if old == bundle.version:
        print(f"hpcusage {old} is installed there already: nothing to do.")
        return
    print(f"Upgrading {prefix}: {old or 'an incomplete installation'} to {bundle.version}")
    confirm(options)
    if options.dry_run:
        return
    for name in installing.upgrade(bundle, prefix, options.python, options.extras) or ():
        print(f"Kept as it is: {prefix}/conf/{name}; the new one is {prefix}/conf/{name}.new")
    print(f"Upgrade successful. Now bring the tables up to date: {prefix}/bin/createDB")
    if old:
        print("The release before is kept; go back with:"
              f" ln -sfn releases/{old} {prefix}/current")  # fmt: skip


def uninstall(prefix, options):
    """Remove an installation."""
    paths, changed = removing.plan(prefix)
    print(f"Removing from {prefix}: {len(paths)} files")
    for name in changed:
        print(f"Changed here, stays: {prefix}/{name}")
    if options.dry_run:
        return
    confirm(options)
    ignore_signals()  # half of an installation is of no use
    left = [path for path in removing.uninstall(prefix)
            if str(path.relative_to(prefix)) not in changed]  # fmt: skip
    for path in left:
        print(f"Not of the installer, stays: {path}")
    for path in removing.data_places():
        print(f"Configuration and data stay in: {path}")
    print("hpcusage is removed.")


def check_answers(options):
    """Raise UsageError if a question will have to be asked, and nobody is there."""
    if sys.stdin.isatty():
        return
    if not (options.prefix or options.upgrade):
        raise UsageError("nobody can be asked for the install directory: say --prefix DIR --yes")
    if not (options.yes or options.dry_run):
        raise UsageError("nobody can be asked whether to go on: say --yes")


def ask_prefix(options):
    """Return the install directory."""
    if options.prefix:
        return prefixes.absolute(options.prefix)
    default = "/opt/hpcusage" if os.geteuid() == 0 else str(prefixes.absolute("hpcusage"))
    answer = ask(f"\nEnter full path to an empty install directory [{default}]: ")
    return prefixes.absolute(answer or default)


def confirm(options):
    """Ask whether to go on. Raises UsageError if nobody can be asked."""
    if options.yes or options.dry_run:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked whether to go on: say --yes")
    ask("Press ENTER to continue, Ctrl-C to abort: ")


def ask(question):
    """Return the answer of a person."""
    sys.stdout.write(question)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise UsageError("no answer: nothing was done")
    return line.strip()


if __name__ == "__main__":
    sys.exit(main())
