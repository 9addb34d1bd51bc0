"""What is found out about one source of the portal."""

import dataclasses
import enum

from usagedb.terminal import visible


class CheckState(enum.Enum):
    """How a source is."""

    WELL = "ok"
    MISSING = "not set up"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Check:
    """What was found out about one source."""

    source: str
    state: CheckState
    text: str


def well(source, text):
    """Return the Check of a source that answers."""
    return Check(source, CheckState.WELL, visible(text))


def missing(source, text):
    """Return the Check of what is not done yet; the text says what to do."""
    return Check(source, CheckState.MISSING, visible(text))


def not_set_up(source, lost):
    """Return the Check of a source that is not configured."""
    return missing(source, f"not shown: {lost}")


def failed(source, error):
    """Return the Check of a source that does not answer as it should."""
    return Check(source, CheckState.FAILED, visible(str(error)))
