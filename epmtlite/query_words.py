"""What the words of epmt list mean: names of jobs, and conditions as key=value."""

from epmtlite import filters, moments, selection
from epmtlite.collect import errors
from epmtlite.ordering import checked_order
from epmtlite.processes import ORDERS, ProcessFilter
from usagedb.errors import UsageDBError

MOST_DIGITS = 18  # of a number that fits in 64 bits, as the ids of processes
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")


class Query:
    """What to list, of which jobs, and conditions that are taken by their keys."""

    def __init__(self, words, kinds, cluster=None):
        """words are those of the command line; the first may be one of kinds, else it is the first
        of kinds that is meant. cluster is that of the names without one."""
        words = list(words)
        self.kind = words.pop(0) if words and words[0] in kinds else kinds[0]
        self.cluster = cluster
        self.names: list = []
        self._conditions: dict = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or key == "jobs":
                self.names += some_names(value if equals else word)
            elif key in self._conditions:
                raise errors.UsageError(f"{key}= is there twice: say it once")
            else:
                self._conditions[key] = value

    def take(self, key, convert=str, default=None):
        """Return the value of a condition, converted, or the default. Raises UsageError."""
        value = self._conditions.pop(key, None)
        if value is None:
            return default
        try:
            return convert(value)
        except UsageDBError:  # which says more; some of them are ValueErrors, too
            raise
        except ValueError:
            raise errors.UsageError(f"{key}={value}: this value cannot be") from None

    def check_all_taken(self):
        """Raise UsageError if a condition was given that nothing asked for."""
        for key in self._conditions:
            raise errors.UsageError(f"{key}= is no condition for {self.kind}")

    def chosen_cluster(self):
        """Return the cluster, None for any. Raises UsageError if a name says another one."""
        cluster = self.take("cluster", default=self.cluster)
        for name in self.names:
            before, slash, _jobid = name.rpartition("/")
            if slash and cluster not in (None, before):
                raise errors.UsageError(
                    f"{name} is no job of the cluster {cluster}: say one of both"
                )
        return cluster

    def job_filter(self):
        """Return the JobFilter of the names and the conditions for jobs. Raises UsageError."""
        return selection.JobFilter(
            jobs=tuple(self.names),
            cluster=self.chosen_cluster(),
            tags=selection.single(self.take("tags", selection.wanted_tags)),
            exact_tag_only=self.take("exact_tag_only", truth, False),
            annotations=self.take("annotations", selection.wanted_tags),
            analyses=self.take("analyses", selection.wanted_tags),
            hosts=tuple(self.take("hosts", listed, ())),
            before=self.take("before", moments.microseconds_of),
            after=self.take("after", moments.microseconds_of),
            when=self.take("when", instant),
            fltr=self.take("fltr", filters.parsed),
            order=checked_order(self.take("order", default="start"), selection.ORDERS),
            limit=self.take("limit", whole),
            offset=self.take("offset", whole, 0),
        )

    def named_jobs(self):
        """Return the JobFilter of the names alone."""
        cluster = self.chosen_cluster()
        return selection.JobFilter(jobs=tuple(self.names), cluster=cluster)

    def filter_of_their_jobs(self):
        """Return the JobFilter of the names and of what says of which jobs processes are."""
        return selection.JobFilter(
            jobs=tuple(self.names),
            cluster=self.chosen_cluster(),
            tags=selection.single(self.take("job_tags", selection.wanted_tags)),
            before=self.take("before", moments.microseconds_of),
            after=self.take("after", moments.microseconds_of),
        )

    def process_filter(self):
        """Return the ProcessFilter of the conditions for processes. Raises UsageError."""
        return ProcessFilter(
            tags=selection.single(self.take("tags", selection.wanted_tags)),
            exact_tag_only=self.take("exact_tag_only", truth, False),
            hosts=tuple(self.take("hosts", listed, ())),
            when=self.take("when", instant),
            fltr=self.take("fltr", filters.parsed),
            order=checked_order(self.take("order", default="start"), ORDERS),
            limit=self.take("limit", whole),
            offset=self.take("offset", whole, 0),
        )


def instant(text):
    """Return a moment as the time from it to it. Raises UsageError."""
    moment = moments.microseconds_of(text)
    return moment, moment


def some_names(text):
    """Return the names of jobs in a word. Raises UsageError for none: all jobs are not meant."""
    names = listed(text)
    if not names:
        raise errors.UsageError("a word that should name jobs is empty; without it all are meant")
    return names


def listed(text):
    """Return the parts of a text that are separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def whole(text):
    """Return a number that is not negative. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise ValueError(text)
    return int(text)


def truth(text):
    """Return True or False. Raises ValueError."""
    if text.lower() not in TRUE + FALSE:
        raise ValueError(text)
    return text.lower() in TRUE
