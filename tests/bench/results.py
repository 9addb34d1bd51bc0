"""Print measurements as plain tables, and judge them against targets that are never hidden."""

from collections.abc import Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text under headings, the first column to the left, others to the right."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


class Results:
    """What was measured so far: tables are printed at once, the targets are kept for the end."""

    def __init__(self) -> None:
        self.targets: list[Sequence[str]] = []
        self.missed_count = 0

    def show(self, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print one table under its title."""
        print(f"\n{title}\n\n{table(headings, rows)}", flush=True)

    def at_least(self, name: str, value: float, limit: float, judged: bool = True) -> None:
        """Keep a target that is met by `limit` or more."""
        self._keep(name, f"{value:,.1f}", f"at least {limit:g}", value >= limit, judged)

    def at_most(self, name: str, value: float, limit: float, judged: bool = True) -> None:
        """Keep a target that is met by `limit` or less."""
        self._keep(name, f"{value:,.1f}", f"at most {limit:g}", value <= limit, judged)

    def equal(self, name: str, value: int, expected: int) -> None:
        """Keep the target that a number is exactly what it should be."""
        self._keep(name, f"{value:,}", f"{expected:,}", value == expected, True)

    def failed(self, name: str, error: Exception) -> None:
        """Keep, as a missed target, that something could not be measured, and say why."""
        print(f"\n{name} could not be measured: {error}", flush=True)
        self._keep(name, "failed", "a measurement", False, True)

    def _keep(self, name: str, value: str, wanted: str, met: bool, judged: bool) -> None:
        verdict = ("met" if met else "MISSED") if judged else "not judged at this size"
        self.missed_count += verdict == "MISSED"
        self.targets.append((name, value, wanted, verdict))

    def finish(self) -> int:
        """Print all targets; return the exit code: 1 if one was missed."""
        self.show("Targets", ("target", "measured", "wanted", "verdict"), self.targets)
        if self.missed_count:
            print(f"\n{self.missed_count} of {len(self.targets)} targets MISSED")
        return 1 if self.missed_count else 0
