"""Ask for accounts, their users, and the numbers of users."""

from collections.abc import Iterable, Sequence
from typing import Any

from usagedb.database import in_parts
from userportal.slurm import stored
from userportal.slurm.asking import MEMORY
from userportal.slurm.job_queries import MOST_JOBS
from userportal.slurm.model import Account, Job
from userportal.slurm.page_queries import PageQueries, escaped

MOST_NAMES = 10_000
MOST_ASSOCIATIONS = 20_000
MOST_FOUND = 50
LONGEST_TEXT = 100


class AccountQueries(PageQueries):
    """Queries about accounts and users.

    slurmdbd's texts are equal whatever their case and accents, and those of the portal are not:
    what came back is compared once more.
    """

    def _associations(self, column: str, value: str) -> "list[tuple[Any, ...]]":
        """Return id, account, user and deleted of the rows with exactly this value."""
        sql = (
            'SELECT "id_assoc", "acct", "user", "deleted" FROM {assoc_table}'  # noqa: S608 - fixed
            f' WHERE "{column}" = ? ORDER BY "deleted", "id_assoc" LIMIT ?'
        )
        if not value or "\0" in value:
            return []
        found = self.ask(sql, (value, MOST_ASSOCIATIONS))
        place = ("id_assoc", "acct", "user").index(column)
        return [row for row in found if stored.text(row[place]) == value]

    def without_others(self, jobs: "list[Job]", usernames: "Sequence[str]") -> "list[Job]":
        """Return those jobs that Slurm knows as a user's of these names, "": as nobody's.

        The number of a user who has left may be given to the next one.
        """
        users = self.users_of_jobs(jobs)
        mine = {name.lower() for name in usernames}
        return [job for job in jobs if users.get(job.association_id, "").lower() in mine]

    def users_of_jobs(self, jobs: "Iterable[Job]") -> "dict[int, str]":
        """Return {association: its user} of jobs; "" for the association of an account."""
        return self.users_of_associations({job.association_id for job in jobs})

    def users_of_associations(self, numbers: "Iterable[int]") -> "dict[int, str]":
        """Return {association: its user}; "" for the association of an account."""
        ids = sorted(number for number in numbers if number)
        sql = 'SELECT "id_assoc", "user" FROM {assoc_table} WHERE "id_assoc" IN ({})'
        asked = in_parts(self.database, self.written(sql), ids)
        return {int(number): stored.text(user) for number, user in asked}

    def users_of_number(self, user_id: int) -> "list[str]":
        """Return the names under which Slurm has jobs of a uid, those of former holders, too.

        They are remembered for a while: each graph of each page asks for them.
        """
        key = (*self.address(), "users", user_id)
        found = MEMORY.get(key)
        if found is None:
            found = self._read_users_of_number(user_id)
            MEMORY.put(key, found)
        return list(found)

    def _read_users_of_number(self, user_id: int) -> "list[str]":
        sql = (
            'SELECT DISTINCT "user" FROM {assoc_table} WHERE "user" <> ? AND "id_assoc" IN'
            ' (SELECT "id_assoc" FROM {job_table} WHERE "id_user" = ?) ORDER BY "user" LIMIT ?'
        )
        return [stored.text(row[0]) for row in self.ask(sql, ("", user_id, MOST_FOUND))]

    def jobs_of_name(self, job_ids: "Iterable[int]", username: str) -> "list[Job]":
        """Return the newest row of each job, as jobs does, of a user's associations of any uid."""
        wanted = list(dict.fromkeys(job_ids))[:MOST_JOBS]
        own = ",".join(str(int(row[0])) for row in self._associations("user", username))
        if not own:
            return []
        condition = f'"id_assoc" IN ({own}) AND "id_job" IN ({{}})'
        found = self._newest(condition, wanted, lambda job: job.job_id)
        return [found[job_id] for job_id in wanted if job_id in found]

    def association_ids(self, account: str) -> "list[int]":
        """Return the numbers of an account's associations, deleted ones included."""
        return [int(row[0]) for row in self._associations("acct", account)]

    def _distinct(self, column: str) -> "list[str]":
        sql = (
            f'SELECT DISTINCT "{column}" FROM {{assoc_table}}'  # noqa: S608 - fixed columns
            f' WHERE "deleted" = 0 AND "{column}" <> ? ORDER BY "{column}" LIMIT ?'
        )
        return sorted({stored.text(row[0]) for row in self.ask(sql, ("", MOST_NAMES))})

    def accounts(self) -> "list[str]":
        """Return the names of all accounts, sorted."""
        return self._distinct("acct")

    def users(self) -> "list[str]":
        """Return the names of all users that have an account, sorted."""
        return self._distinct("user")

    def account_exists(self, account: str) -> bool:
        """Tell whether there is an account of exactly this name."""
        return any(not row[3] for row in self._associations("acct", account))

    def users_of_account(self, account: str) -> "list[str]":
        """Return the names of the users of an account, sorted; [] for no such account."""
        found = self._associations("acct", account)
        return sorted({stored.text(row[2]) for row in found if row[2] and not row[3]})

    def accounts_of_user(self, user: str) -> "list[str]":
        """Return the names of the accounts of a user, sorted; [] for no such user."""
        found = self._associations("user", user)
        return sorted({stored.text(row[1]) for row in found if not row[3]})

    def find_accounts(self, text: str, limit: int = MOST_FOUND) -> "list[Account]":
        """Return the accounts that have a text in their name, whatever its case; [] for ''."""
        pattern = escaped(text.strip().lower()[:LONGEST_TEXT])
        if not pattern:
            return []
        like = self.database.like('lower("name")')
        sql = (
            'SELECT "name", "description", "organization" FROM {acct_table}'  # noqa: S608 - fixed
            f' WHERE "deleted" = 0 AND {like} ORDER BY "name" LIMIT ?'
        )
        found = self.ask(sql, (f"%{pattern}%", max(0, min(limit, MOST_NAMES))))
        return [
            Account(stored.text(name), stored.shown(description), stored.shown(organization))
            for name, description, organization in found
        ]

    def user_id(self, user: str) -> "int | None":
        """Return the number of a user as the newest job says, None without a job."""
        newest = [
            self._newest_of_association('"id_user"', row[0])
            for row in self._associations("user", user)[:MOST_FOUND]
        ]
        found = [one for one in newest if one]
        return max(found)[1] if found else None

    def _newest_of_association(self, column: str, association: int) -> "tuple[int, int] | None":
        """Return the row's number and a column of the newest job of an association."""
        sql = (
            f'SELECT "job_db_inx", {column} FROM {{job_table}}'  # noqa: S608 - fixed columns
            ' WHERE "id_assoc" = ? ORDER BY "job_db_inx" DESC LIMIT 1'
        )
        found = self.ask(sql, (association,))
        return (int(found[0][0]), int(found[0][1])) if found else None

    def qos_names(self) -> "dict[int, str]":
        """Return {number: name} of the qualities of service."""
        if not self.columns("qos_table"):
            return {}
        sql = 'SELECT "id", "name" FROM {qos_table} ORDER BY "id" LIMIT ?'
        return {int(row[0]): stored.text(row[1]) for row in self.ask(sql, (MOST_NAMES,))}
