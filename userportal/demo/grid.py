"""The moments at which the made-up metrics are sampled."""

from userportal.demo.sizes import DAY_SECONDS


class Grid:
    """Sample times at multiples of the step, from the start of a Schedule to some time ahead."""

    def __init__(self, schedule, sizes):
        """Compute all times, in seconds since the epoch."""
        self.step = sizes.step_seconds
        self.start, self.now = schedule.start, schedule.now
        first = -(-schedule.start // self.step) * self.step
        self.times = list(range(first, schedule.now + sizes.ahead_seconds + 1, self.step))
        self.sizes = sizes

    def __len__(self):
        return len(self.times)

    def at_or_after(self, moment):
        """Return the index of the first sample that is not before a moment."""
        return max(0, -(-(moment - self.times[0]) // self.step))

    def span(self, start, end):
        """Return (first index, index after the last one) of what was there from start to end.

        end is 0 for what still lasts.
        """
        first = min(self.at_or_after(start), len(self))
        after = min(self.at_or_after(end), len(self)) if end else len(self)
        return first, max(first, after)

    def since(self, days):
        """Return the index of the first sample of the last days before now."""
        return min(self.at_or_after(self.now - days * DAY_SECONDS), len(self))
