"""Ask for accounts, their users, and the numbers of users."""

from typing import Any

from usagedb.database import in_parts
from userportal.slurm import stored
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

    def knows_user(self, username: str) -> bool:
        """Tell whether any association is of a user of exactly this name, deleted ones included."""
        return bool(self._associations("user", username))

    def without_others(self, jobs: "list[Job]", username: str) -> "list[Job]":
        """Return those jobs that Slurm does not know as another user's than that of a name.

        The number of a user who has left may be given to the next one. All stay where Slurm does
        not know the name itself: then it has other names than the portal.
        """
        ids = sorted({job.association_id for job in jobs if job.association_id})
        if not ids or not self.knows_user(username):
            return jobs
        sql = 'SELECT "id_assoc", "user" FROM {assoc_table} WHERE "id_assoc" IN ({})'
        asked = in_parts(self.database, self.written(sql), ids)
        users = {int(number): stored.text(user).lower() for number, user in asked}
        mine = ("", username.lower())
        return [job for job in jobs if users.get(job.association_id, "") in mine]

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

    def user_name(self, user_id: int) -> "str | None":
        """Return the name of a user as the newest job says, None without a job."""
        sql = (
            'SELECT "id_assoc" FROM {job_table} WHERE "id_user" = ?'
            ' ORDER BY "time_start" DESC LIMIT 1'
        )
        newest = self.ask(sql, (user_id,))
        if not newest:
            return None
        sql = 'SELECT "user" FROM {assoc_table} WHERE "id_assoc" = ?'
        found = self.ask(sql, (newest[0][0],))
        return stored.text(found[0][0]) or None if found else None

    def qos_names(self) -> "dict[int, str]":
        """Return {number: name} of the qualities of service."""
        if not self.columns("qos_table"):
            return {}
        sql = 'SELECT "id", "name" FROM {qos_table} ORDER BY "id" LIMIT ?'
        return {int(row[0]): stored.text(row[1]) for row in self.ask(sql, (MOST_NAMES,))}
