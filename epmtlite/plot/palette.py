"""Which programs have colours of their own, the same in all parts of a page and in pictures."""

import itertools

# Apart from each other also for the colour-blind, on white and on black: those of Okabe and Ito
# without yellow and black, and two of Tol's. The style sheet of the page has the same.
COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999933", "#aa4499",
)  # fmt: skip
OTHERS = "#9aa0a8"


def chosen_programs(jobs):
    """Return the names of the programs of jobs that get COLOURS, in their order.

    By turns the one with the most CPU time and the one that was there longest: the second are often
    the shells and launchers around the first.
    """
    totals: dict = {}
    for job in jobs:
        for name, _processes, wall, _elapsed, cpu, *_rest in job["groups"][0]["rows"]:
            if isinstance(name, str):
                total = totals.setdefault(name, [0, 0])
                total[0] += cpu
                total[1] += wall
    rankings = [
        sorted(totals, key=lambda name: (-totals[name][place], name))  # noqa: B023
        for place in (0, 1)
    ]
    by_turns = itertools.chain.from_iterable(zip(*rankings))
    return list(dict.fromkeys(by_turns))[: len(COLOURS)]
