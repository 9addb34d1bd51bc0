"""The blocks of code of a README, and the examples in them: see readme_examples.py."""

import re
from typing import NamedTuple, Optional

PROMPT, GOES_ON, INTERRUPTED = "$ ", "> ", "^C"
HEADING = re.compile(r"(#{1,2}) (.+)")
FENCE = re.compile(r" *```(\w*)")


class Block(NamedTuple):
    """A block of code."""

    heading: str  # of its `##` section
    line: int  # number of its first line in the README
    lines: "list[str]"  # without their indentation

    @property
    def is_console(self) -> bool:
        """Tell whether it is run."""
        return self.lines[0].startswith(PROMPT)


class Example(NamedTuple):
    """A command, and what it prints."""

    line: int
    command: str
    expected: "list[str]"

    @property
    def lines_before_interrupt(self) -> Optional[int]:
        """Return after how many lines the command is interrupted; None if it is not."""
        shown = self.expected
        return len(shown) - 1 if shown and shown[-1] == INTERRUPTED else None


def blocks(text: str) -> "list[Block]":
    """Return the blocks of code of a README."""
    found: list[Block] = []
    lines, heading, number = text.splitlines(), "", 0
    while number < len(lines):
        title, fence = HEADING.match(lines[number]), FENCE.match(lines[number])
        heading = title[2] if title else heading
        end = number + 1
        if fence:
            while end < len(lines) and not FENCE.match(lines[end]):
                end += 1
            found.append(Block(heading, number + 2, lines[number + 1 : end]))
            end += 1
        elif lines[number].startswith("    ") and not lines[number - 1].strip():
            width = indentation(lines[number])
            while end < len(lines) and is_inside(lines, end, width):
                end += 1
            found.append(Block(heading, number + 1, [one[width:] for one in lines[number:end]]))
        number = end
    return found


def indentation(line: str) -> int:
    """Return how many blanks a line begins with."""
    return len(line) - len(line.lstrip(" "))


def is_inside(lines: "list[str]", number: int, width: int) -> bool:
    """Tell whether a line is still in an indented block: blank ones are before one that is."""
    rest = (line for line in lines[number:] if line.strip())
    return indentation(next(rest, "")) >= width


def examples(block: Block) -> "list[Example]":
    """Return the commands of a console block with what they print."""
    found: list[Example] = []
    is_command = False
    for number, line in enumerate(block.lines, block.line):
        if line.startswith(PROMPT):
            found.append(Example(number, line[len(PROMPT) :], []))
            is_command = True
        elif is_command and line.startswith(GOES_ON):
            last = found.pop()
            found.append(last._replace(command=f"{last.command}\n{line[len(GOES_ON) :]}"))
        else:
            found[-1].expected.append(line.rstrip())
            is_command = False
    return [one._replace(expected=without_blank_end(one.expected)) for one in found]


def without_blank_end(lines: "list[str]") -> "list[str]":
    """Return the lines but for blank ones at their end."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def sections(text: str) -> "dict[str, list[Example]]":
    """Return {heading: examples} of a README, in their order, of the sections that have some."""
    found: dict[str, list[Example]] = {}
    for block in blocks(text):
        if block.is_console:
            found.setdefault(block.heading, []).extend(examples(block))
    return found
