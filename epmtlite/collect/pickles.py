"""Read pickles of plain data without executing anything, and write such pickles.

A pickle is a small program. Only the instructions that make texts, numbers, lists, dictionaries
and times are carried out here, by this module itself: none imports, and none calls what the pickle
names. One makes at most one small object beside the bytes it takes from the file, and there is a
limit to how many are carried out. Instructions as in the standard library's pickletools, protocols
0 to 5.
"""

import codecs
import datetime
import pickle
import struct

from epmtlite.collect import errors

# A value takes up to three: it is made, remembered, and put into its place. So a pickle has some
# 87,000 values, and takes 20 MB beside its texts, with Python 3.6 three times that.
MOST_INSTRUCTIONS = 1 << 18
WRITTEN_PROTOCOL = 3  # that of EPMT's own files; every Python 3 reads it
MOST_DIGITS = 40
MOST_INTEGER_BYTES = 1024
PICKLED_DATETIME_BYTES = 10
MOST_ENCODED = 64  # of a text that stands for bytes: those of a time are 10
MARK = object()


class Unreadable(errors.MalformedError):
    """A pickle that is damaged, or holds more than plain data."""


class Name:
    """One of the constructors that a pickle may name; it is called by construct only."""

    def __init__(self, text):
        self.text = text


ALLOWED = frozenset(
    ("datetime datetime", "datetime timezone", "datetime timedelta", "_codecs encode")
)


def dumps(value):
    """Return plain data as a pickle that EPMT reads."""
    return pickle.dumps(value, protocol=WRITTEN_PROTOCOL)


def loads(raw):
    """Return what a pickle holds: texts of Python 2 are bytes; tuples, and Names in place of
    values, may occur.

    Raises Unreadable if it is damaged or holds anything but plain data and times.
    """
    try:
        return Machine(raw).run()
    except Unreadable:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error) as error:
        raise Unreadable(f"a damaged pickle ({type(error).__name__})") from error


def construct(name, arguments):
    """Return the value that an allowed constructor makes. Raises Unreadable or ValueError."""
    if not isinstance(name, Name) or type(arguments) is not tuple:
        raise Unreadable("a pickle that calls something")
    kinds = tuple(type(argument) for argument in arguments)
    if name.text == "_codecs encode" and kinds == (str, str):
        return arguments[0][:MOST_ENCODED].encode("latin-1")
    if name.text == "datetime timedelta" and 0 < len(kinds) <= 3 and set(kinds) == {int}:
        return datetime.timedelta(*arguments)
    if name.text == "datetime timezone" and kinds[:1] == (datetime.timedelta,):
        return datetime.timezone(arguments[0])
    if (
        name.text == "datetime datetime"
        and kinds in ((bytes,), (bytes, datetime.timezone))
        and len(arguments[0]) == PICKLED_DATETIME_BYTES
    ):
        return datetime.datetime(*arguments)
    raise Unreadable(f"a pickle with an odd {name.text}")


def integer(text):
    """Return the number of a decimal text. Raises ValueError if it is unreasonable."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def unescaped(line):
    """Return the bytes of a quoted text of Python 2. Raises ValueError."""
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise ValueError("a text without quotes")
    return codecs.escape_decode(line[1:-1])[0]


class Machine:
    """Carries out the instructions of one pickle."""

    def __init__(self, raw):
        self.raw, self.position = raw, 0
        self.stack, self.memo = [], {}

    def run(self):
        """Return the value on the stack at the end. Raises Unreadable, ValueError and others."""
        for _count in range(MOST_INSTRUCTIONS):
            code = self.take(1)
            if code == b".":
                return self.pop()
            if code not in INSTRUCTIONS:
                raise Unreadable("a pickle with more than plain data in it")
            INSTRUCTIONS[code](self)
        raise Unreadable(f"a pickle of more than {MOST_INSTRUCTIONS} instructions")

    def take(self, count):
        """Return the next bytes. Raises ValueError if there are fewer."""
        part = self.raw[self.position : self.position + count]
        if len(part) < count:
            raise ValueError("the end is missing")
        self.position += count
        return part

    def line(self):
        """Return the bytes up to the next newline."""
        end = self.raw.index(b"\n", self.position)
        part = self.raw[self.position : end]
        self.position = end + 1
        return part

    def number(self, form):
        """Return the next number, form as in struct."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def pop(self):
        """Take and return the last value. Raises ValueError for a mark."""
        value = self.stack.pop()
        if value is MARK:
            raise ValueError("a mark for a value")
        return value

    def push(self, value):
        """Put a value on the stack."""
        self.stack.append(value)

    def marked(self):
        """Take and return the values above the last mark, and the mark."""
        position = len(self.stack) - 1
        while self.stack[position] is not MARK:
            position -= 1
            if position < 0:
                raise ValueError("no mark")
        values = self.stack[position + 1 :]
        del self.stack[position:]
        return values

    def text(self, raw):
        """Put a text on the stack."""
        self.push(raw.decode("utf-8", "surrogatepass"))

    def long_integer(self, form):
        """Put an integer of many bytes on the stack."""
        count = self.number(form)
        if not 0 <= count <= MOST_INTEGER_BYTES:
            raise ValueError(f"a number of {count} bytes")
        self.push(int.from_bytes(self.take(count), "little", signed=True))

    def integer_or_boolean(self):
        """Put a number of protocol 0 on the stack; 00 and 01 are the booleans."""
        line = self.line()
        self.push(line == b"01" if line in (b"00", b"01") else integer(line))

    def tuple_of(self, count):
        """Join the last values."""
        values = [self.pop() for _one in range(count)]
        self.push(tuple(reversed(values)))

    def append(self, values):
        """Add values to the list below them."""
        if type(self.stack[-1]) is not list:
            raise ValueError("no list")
        self.stack[-1].extend(values)

    def set_items(self, values):
        """Add keys and values to the dictionary below them."""
        target = self.stack[-1]
        if type(target) is not dict or len(values) % 2:
            raise ValueError("no dictionary")
        for key, value in zip(values[::2], values[1::2]):
            if type(key) not in (str, bytes, int, bool, type(None)):
                raise Unreadable("a pickle with a key that is no text")
            # Numbers as texts: those of a stranger could all have one hash.
            target[key if type(key) in (str, bytes) else str(key)] = value

    def dictionary(self):
        """Put a dictionary of the values above the mark on the stack."""
        values = self.marked()
        self.push({})
        self.set_items(values)

    def set_item(self):
        """Add one key and its value."""
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def append_one(self):
        """Add one value to a list."""
        value = self.pop()
        self.append([value])

    def name(self, module, name):
        """Put an allowed constructor on the stack. Raises Unreadable for any other name."""
        text = f"{module} {name}"
        if text not in ALLOWED:
            raise Unreadable(f"a pickle that names {text}, which is not allowed")
        self.push(Name(text))

    def global_name(self):
        """Put the constructor of the next two lines on the stack."""
        module, name = self.line().decode(), self.line().decode()
        self.name(module, name)

    def stack_name(self):
        """Put the constructor that the last two texts name on the stack."""
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def reduce(self):
        """Call an allowed constructor."""
        arguments, name = self.pop(), self.pop()
        self.push(construct(name, arguments))

    def remember(self, key):
        """Note the last value."""
        self.memo[key] = self.stack[-1]

    def recall(self, key):
        """Put a noted value on the stack."""
        self.push(self.memo[key])


INSTRUCTIONS = {
    b"\x80": lambda machine: machine.take(1),  # the protocol
    b"\x95": lambda machine: machine.take(8),  # a frame
    b"(": lambda machine: machine.push(MARK),
    b"N": lambda machine: machine.push(None),
    b"\x88": lambda machine: machine.push(True),
    b"\x89": lambda machine: machine.push(False),
    b"I": Machine.integer_or_boolean,
    b"L": lambda machine: machine.push(integer(machine.line().rstrip(b"L"))),
    b"J": lambda machine: machine.push(machine.number("<i")),
    b"K": lambda machine: machine.push(machine.number("<B")),
    b"M": lambda machine: machine.push(machine.number("<H")),
    b"\x8a": lambda machine: machine.long_integer("<B"),
    b"\x8b": lambda machine: machine.long_integer("<i"),
    b"F": lambda machine: machine.push(float(machine.line())),
    b"G": lambda machine: machine.push(machine.number(">d")),
    b"S": lambda machine: machine.push(unescaped(machine.line())),
    b"U": lambda machine: machine.push(machine.take(machine.number("<B"))),
    b"T": lambda machine: machine.push(machine.take(machine.number("<I"))),
    b"C": lambda machine: machine.push(machine.take(machine.number("<B"))),
    b"B": lambda machine: machine.push(machine.take(machine.number("<I"))),
    b"\x8e": lambda machine: machine.push(machine.take(machine.number("<Q"))),
    b"V": lambda machine: machine.push(machine.line().decode("raw-unicode-escape")),
    b"X": lambda machine: machine.text(machine.take(machine.number("<I"))),
    b"\x8c": lambda machine: machine.text(machine.take(machine.number("<B"))),
    b"\x8d": lambda machine: machine.text(machine.take(machine.number("<Q"))),
    b"]": lambda machine: machine.push([]),
    b"l": lambda machine: machine.push(machine.marked()),
    b"a": Machine.append_one,
    b"e": lambda machine: machine.append(machine.marked()),
    b")": lambda machine: machine.push(()),
    b"t": lambda machine: machine.push(tuple(machine.marked())),
    b"\x85": lambda machine: machine.tuple_of(1),
    b"\x86": lambda machine: machine.tuple_of(2),
    b"\x87": lambda machine: machine.tuple_of(3),
    b"}": lambda machine: machine.push({}),
    b"d": Machine.dictionary,
    b"s": Machine.set_item,
    b"u": lambda machine: machine.set_items(machine.marked()),
    b"p": lambda machine: machine.remember(integer(machine.line())),
    b"q": lambda machine: machine.remember(machine.number("<B")),
    b"r": lambda machine: machine.remember(machine.number("<I")),
    b"\x94": lambda machine: machine.remember(len(machine.memo)),
    b"g": lambda machine: machine.recall(integer(machine.line())),
    b"h": lambda machine: machine.recall(machine.number("<B")),
    b"j": lambda machine: machine.recall(machine.number("<I")),
    b"c": Machine.global_name,
    b"\x93": Machine.stack_name,
    b"R": Machine.reduce,
}
