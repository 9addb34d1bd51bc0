"""The columns that a table of jobs can have."""

import dataclasses

from django.utils.translation import gettext_lazy


@dataclasses.dataclass(frozen=True)
class Column:
    """A column: its name in the API, or `used` for how long it ran."""

    name: str
    title: str
    kind: str  # how the page's script shows it: job, state, text, user, moment, minutes, used
    is_sortable: bool = True


COLUMNS = {
    column.name: column
    for column in (
        Column("id_job", gettext_lazy("Job"), "job"),
        Column("username", gettext_lazy("User"), "user", is_sortable=False),
        Column("account", gettext_lazy("Account"), "text"),
        Column("state", gettext_lazy("State"), "state"),
        Column("job_name", gettext_lazy("Name"), "text"),
        Column("time_submit", gettext_lazy("Submitted"), "moment"),
        Column("time_eligible", gettext_lazy("Eligible"), "moment"),
        Column("time_start", gettext_lazy("Started"), "moment"),
        Column("time_end", gettext_lazy("Ended"), "moment"),
        Column("timelimit", gettext_lazy("Asked time"), "minutes"),
        Column("used", gettext_lazy("Used time"), "used", is_sortable=False),
        Column("nodes", gettext_lazy("Nodes"), "nodes", is_sortable=False),
    )
}
DEFAULT = (
    "id_job", "state", "job_name", "time_submit", "time_eligible", "time_start", "time_end",
    "timelimit", "used",
)  # fmt: skip


def job_columns(words):
    """Return the Columns named by words separated by blanks or commas, by default DEFAULT.

    Raises KeyError for a name that is none.
    """
    return [COLUMNS[word] for word in words.replace(",", " ").split() or DEFAULT]
