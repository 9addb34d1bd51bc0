"""From the host that a log line names to the name of its cluster."""

import re
from pathlib import Path

from usagedb import errors


class ClusterNames:
    """The rule of this site: its own patterns first, then the second part of the host name."""

    def __init__(self, site, rules=()):
        self.site, self.rules = site, tuple(rules)

    def cluster_of(self, host):
        """Return (cluster name, time zone or None) for a host.

        `host` with two or more parts gives the second, else the whole, as gen_2 does.
        """
        for pattern, name in self.rules:
            match = pattern.fullmatch(host)
            if match:
                return self.site.cluster_of("lmod", match.expand(name))
        parts = host.split(".")
        return self.site.cluster_of("lmod", parts[1] if len(parts) > 1 and parts[1] else parts[0])


def read_rules(path):
    """Read a file of `REGULAR_EXPRESSION CLUSTER_NAME` lines; # begins a comment line.

    Raises MissingInputError or ConfigurationError, naming file and line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.MissingInputError(f"cannot read {path}: {error}") from error
    return [
        parse_rule(line, f"{path}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def parse_rule(line, place):
    """Return (compiled pattern, cluster name) of one line. Raises ConfigurationError."""
    fields = line.split()
    if len(fields) != 2:
        raise errors.ConfigurationError(f"{place}: write REGULAR_EXPRESSION CLUSTER_NAME")
    try:
        pattern = re.compile(fields[0])
        re.sub(pattern, fields[1], "")  # a group reference that does not exist fails here
    except (re.error, IndexError) as error:
        raise errors.ConfigurationError(f"{place}: {error}") from error
    return pattern, fields[1]
