"""The states of jobs in the page's language, and the look of their badges."""

import dataclasses

from django.utils.translation import gettext_lazy

from usagedb.errors import UsageError
from userportal.slurm import states

# The colours of userportal.slurm.states.Badge, which are also names of CSS classes.
COLOURS = ("info", "primary", "success", "warning", "danger")
TEXTS = {
    "Pending": gettext_lazy("Pending"),
    "Running": gettext_lazy("Running"),
    "Suspended": gettext_lazy("Suspended"),
    "Complete": gettext_lazy("Complete"),
    "Cancelled": gettext_lazy("Cancelled"),
    "Failed": gettext_lazy("Failed"),
    "Timeout": gettext_lazy("Timeout"),
    "Node failed": gettext_lazy("Node failed"),
    "Preempted": gettext_lazy("Preempted"),
    "Boot failed": gettext_lazy("Boot failed"),
    "Deadline": gettext_lazy("Deadline"),
    "OOM": gettext_lazy("Out of memory"),
    "Requeued": gettext_lazy("Requeued"),
    "Resizing": gettext_lazy("Resizing"),
}


@dataclasses.dataclass(frozen=True)
class StateLabel:
    """A state as a page shows it."""

    text: str
    colour: str
    api_label: str = ""  # what the API calls it, in its answers and in the parameter `status`


def label_of(state):
    """Return the StateLabel of a number of Slurm, of any name of a state, or of a Badge.

    Another text is shown as it is, in the colour of what went wrong.
    """
    if isinstance(state, states.Badge):
        return StateLabel(str(TEXTS.get(state.text, state.text)), colour_of(state.colour))
    try:
        code = state if isinstance(state, int) else states.code(str(state))
    except UsageError:
        return StateLabel(str(state)[:40], "danger")
    badge = states.badge(code)
    text = str(TEXTS.get(badge.text, badge.text))
    return StateLabel(text, colour_of(badge.colour), states.label(code))


def colour_of(word):
    """Return a colour that the style sheet knows."""
    return word if word in COLOURS else "info"


def all_labels():
    """Return the StateLabels of all states, in Slurm's order."""
    return [label_of(code) for code in states.LABELS]
