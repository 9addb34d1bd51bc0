"""Find the record of every process that the torture job has noted."""

from collections import defaultdict, namedtuple

from . import ledger

Entry = namedtuple(  # the fields of a line of the ledger
    "Entry", "part pid parent start generation name status signal state threads word"
)


def entries_in(path):
    """Return the entries of a ledger, and the sessions of its storms."""
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    entries = [Entry(*words) for words in lines if words[0] != ledger.STORM]
    return entries, {int(words[1]) for words in lines if words[0] == ledger.STORM}


def entry_of(record):
    """Return the entry that a record should have; it belongs to no part."""
    words = [word for word in record.arguments.split() if word.startswith(ledger.MARK)]
    state = record.tags.partition("epmt_state:")[2] or ledger.SEEN
    start = record.metrics[0]["starttime"] if record.metrics else ledger.ANY
    return Entry(
        "", str(record.pid), str(record.parent), str(start), str(record.generation), record.name,
        str(record.status), str(record.signal), state, str(record.threads),
        words[-1] if words else ledger.ANY,
    )  # fmt: skip


def fits(entry, other):
    """Tell whether an entry may be of the process that another one is of: what both know is the
    same."""
    if entry.state == ledger.SEEN_OR_LOST and other.state in (ledger.SEEN, "lost"):
        entry = entry._replace(state=other.state)
    return all(
        own in (ledger.ANY, another) or another == ledger.ANY
        for own, another in zip(entry[1:], other[1:])
    )


class Matching:
    """Entries and records, one for each other, and what is left of both."""

    def __init__(self, entries, records):
        self._by_pid, self._by_word = defaultdict(list), defaultdict(list)
        for record in records:
            entry = entry_of(record)
            self._by_pid[entry.pid].append((entry, record))
            self._by_word[entry.word].append((entry, record))
        # What is known best is looked for first: it leaves the rest to the others.
        in_order = sorted(entries, key=lambda one: one.count(ledger.ANY))
        self._found: set = set()  # records, by their identity
        self.missing = [entry for entry in in_order if not self._find(entry)]
        self.more = [record for record in records if id(record) not in self._found]

    def _find(self, entry):
        """Find a record for an entry that no other one has; tell whether there is one."""
        near = self._by_pid[entry.pid] if entry.word == ledger.ANY else self._by_word[entry.word]
        for other, record in near:
            if id(record) not in self._found and fits(entry, other):
                self._found.add(id(record))
                return True
        return False

    def explain(self, entry):
        """Return as a text an entry that is missing, and what is there of its number."""
        others = [" ".join(other[1:]) for other, _record in self._by_pid[entry.pid]]
        return f"{' '.join(entry[1:])}, but {others}"


def belongs_to(storms, record, records):
    """Tell whether a process belongs to one of the storms, or is a child of one that does."""
    while record and record.session not in storms:
        record = records.get(record.parent)
    return bool(record)
