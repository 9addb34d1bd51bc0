"""What can fail in one part of a run without keeping the others from being sent."""


class PartFailed(Exception):
    """One part could not be collected; the text is one line that says why."""
