"""Install a release into a new directory, or over an older one; all of it, or nothing."""

import contextlib
import os
from pathlib import Path

import environment
import interpreter
import manifest
import modulefiles
import settings_files
from bundle import order_of
from failures import Refused, UsageError, ignore_signals, of_system
from prefix import check_name, claimed, home_of, locked, remove, switch, unmark


def install(bundle, prefix, python=None, extras=None):
    """Install a release into a new directory; if that fails nothing of it is left.

    python is the name or path of an interpreter, extras a list with commas; None: chosen here.
    """
    interpreter.check_machine(bundle)
    check_name(prefix, bundle.version)
    python, version = interpreter.choose(bundle, python)
    extras = interpreter.choose_extras(bundle, version, extras)
    with claimed(prefix):
        record = manifest.Manifest()
        build(bundle, prefix, python, version, extras)
        settings = settings_files.Settings(prefix / "conf", {})
        finish(bundle, prefix, python, version, extras, record, settings)
        ignore_signals()  # from here on it comes to its end
        put_to_use(prefix, bundle.version)


def upgrade(bundle, prefix, python=None, extras=None):
    """Install a newer release beside the one in use, then change over to it in one step.

    Settings that were changed here are kept. If a step fails the old release is what it was.
    Returns the names of the changed settings, beside which the new ones lie; None if this release
    is installed already.
    """
    interpreter.check_machine(bundle)
    check_name(prefix, bundle.version)
    manifest.read(prefix)  # before the lock: there may be no such directory
    with locked(prefix):
        record = manifest.read(prefix)
        old = manifest.installed_version(prefix)
        if old == bundle.version:
            return None
        check_newer(old, bundle.version)
        before = record.releases.get(old, {})
        python, version = choose_again(bundle, python, before)
        extras = extras_again(bundle, version, extras, before)
        settings = settings_files.Settings(prefix / "conf", record.conf)
        try:
            remove(home_of(prefix, bundle.version))  # of an installer that was killed
            build(bundle, prefix, python, version, extras)
            finish(bundle, prefix, python, version, extras, record, settings)
            ignore_signals()  # from here on it comes to its end
            put_to_use(prefix, bundle.version)
            unmark(prefix)  # of an installer that was killed
        except BaseException:
            ignore_signals()
            go_back(bundle, prefix, record, settings)
            raise
        forget_old(prefix, record, (old, bundle.version))
        return settings.kept


def put_to_use(prefix, version):
    """Make the links of an installation that are missing, then the one that says which release is
    in use. If that cannot be made the others go again.
    """
    made = []
    try:
        for name, target in manifest.LINKS.items():
            if not os.path.lexists(str(prefix / name)):
                switch(prefix / name, target)
                made.append(prefix / name)
        switch(prefix / "current", Path("releases", version))
    except OSError:
        for link in made:
            link.unlink()
        raise


def build(bundle, prefix, python, version, extras):
    """Make the environment of a release and try out its commands."""
    home = home_of(prefix, bundle.version)
    home.parent.mkdir(0o755, exist_ok=True)
    environment.say("Installing hpcusage {} for Python {}{}..".format(
        bundle.version, version, " with " + ", ".join(extras) if extras else ""))  # fmt: skip
    environment.make(prefix, home, bundle, python, version, extras)
    environment.say("Checking all commands..")
    environment.verify(home, bundle)


def finish(bundle, prefix, python, version, extras, record, settings):
    """Write what stands beside a release: settings, module files, the manifest."""
    home = home_of(prefix, bundle.version)
    environment.say("Installing settings, with the paths in the Slurm scripts..")
    conf = environment.site_packages(home) / "usagedb" / "conf"
    settings.install(settings_files.render(conf, prefix, version, bundle.commands))
    modulefiles.write(prefix, bundle.version)
    record.conf = settings.recorded
    record.add(prefix, bundle.version, python, extras)
    record.write(prefix)


def go_back(bundle, prefix, record, settings):
    """Undo what an upgrade has done before the release in use was changed."""
    settings.roll_back()
    for name in modulefiles.names(bundle.version):
        remove(prefix / name)
    remove(home_of(prefix, bundle.version))
    record.conf = dict(settings.before)
    record.releases.pop(bundle.version, None)
    record.write(prefix)


def check_newer(old, new):
    """Raise UsageError unless a version is newer than the old one."""
    if order_of(new) < order_of(old):
        raise UsageError(
            f"{old} is installed, which is newer than {new}: an older release may not know the"
            " tables of the database; uninstall first if that is meant"
        )


def choose_again(bundle, python, before):
    """Return (path, version) of the Python: the named one, that of the old release, or another."""
    if not python and before.get("python"):
        with contextlib.suppress(UsageError):
            return interpreter.choose(bundle, before["python"])
    return interpreter.choose(bundle, python)


def extras_again(bundle, version, extras, before):
    """Return the extras: the wanted ones, or those of the old release."""
    if extras is None and "extras" in before:
        extras = ",".join(before["extras"]) or "none"
    return interpreter.choose_extras(bundle, version, extras)


def forget_old(prefix, record, kept):
    """Remove releases before the one that was in use until now, which running jobs may need.

    What cannot be removed is told; the upgrade is done all the same.
    """
    try:
        for version in [one for one in record.releases if one not in kept]:
            paths = record.releases[version]["paths"] + modulefiles.names(version)
            manifest.remove_paths(prefix, paths)
            del record.releases[version]
            record.write(prefix)
    except (OSError, Refused) as error:
        reason = of_system(error) if isinstance(error, OSError) else error
        environment.say(f"Warning: an old release was not removed: {reason}")
