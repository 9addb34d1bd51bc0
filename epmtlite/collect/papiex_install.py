"""An installation of papiex, where a site has one: it is loaded into every program."""

import logging
import os
import re
import socket

from epmtlite.collect import errors, job

logger = logging.getLogger(__name__)

LIBRARIES = ("libpapiex.so", "libmonitor.so", "libpapi.so", "libpfm.so")
NEEDED = LIBRARIES[:2]
CPU_FIELDS = ("cpu family", "model", "stepping")


def libraries(settings):
    """Return the paths of the libraries of papiex that are there, [] without an installation."""
    if not settings.install_prefix:
        return []
    directory = os.path.join(settings.install_prefix, "lib")
    paths = [os.path.join(directory, name) for name in LIBRARIES]
    found = [path for path in paths if os.path.exists(path)]
    has_needed = all(os.path.join(directory, name) in found for name in NEEDED)
    return found if has_needed else []


def variables_for(settings, collector, identity):
    """Return the environment by which papiex follows a job; {} if it is not to be used.

    collector is auto, ptrace, papiex, or None for what the settings say. Raises ConfigurationError
    if papiex is asked for and not there.
    """
    collector = collector or settings.collector
    found = libraries(settings) if collector != "ptrace" else []
    if collector == "papiex" and not found:
        raise errors.ConfigurationError(
            f"papiex is not in {settings.install_prefix or 'install_prefix, which is not set'}"
        )
    if not found:
        return {}
    for name in ("PAPIEX_OUTPUT", "PAPIEX_OPTIONS"):
        if os.environ.get(name):
            logger.warning("%s of the environment is not used: see the settings", name)
    loaded = [*found, *filter(None, [os.environ.get("LD_PRELOAD")])]
    return {
        "PAPIEX_OUTPUT": job.make_directory(settings, identity) + "/",
        "PAPIEX_OPTIONS": options_of(settings),
        "LD_PRELOAD": ":".join(loaded),
    }


def options_of(settings, host=None, cpu=None):
    """Return the options of papiex on this machine: those of all, of its name and of its processor;
    each once, in that order."""
    host, cpu = host or socket.gethostname(), cpu or processor()
    found = settings.papiex_options.split(",")
    found += first_match(settings.papiex_options_byhost, host)
    found += first_match(settings.papiex_options_bycpu, cpu)
    return ",".join(dict.fromkeys(filter(None, map(str.strip, found))))


def first_match(options_by, text):
    """Return the options of the first regular expression that matches the begin of a text."""
    for pattern, options in options_by.items():
        try:
            if re.match(pattern, text):
                return str(options).split(",")
        except re.error as error:
            raise errors.ConfigurationError(f"{pattern!r} of the settings: {error}") from None
    return []


def processor(path="/proc/cpuinfo"):
    """Return family/model/stepping of the processor, '' if it has none."""
    found: dict = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _colon, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    return "/".join(found[name] for name in CPU_FIELDS) if CPU_FIELDS[0] in found else ""
