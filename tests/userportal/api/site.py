"""A portal of the tests' own: its settings, an empty database of its own, and one of Slurm."""

import contextlib

from tests.userportal import django_site
from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database

CLUSTER = "tiny"
USERS = {"ann": 1001, "bob": 1002, "eve": 1003, "max": 1004, "sue": 1005}
ACCOUNTS = {"lab": ("ann", "bob"), "other": ("eve",)}
CONF = """
[portal]
cluster = tiny
state = {directory}
https = no
[slurm]
conf_file = {directory}/slurm.conf
[access]
staff = sue
helpers = max
login_tries = 0
[accounts]
users_file = {directory}/passwd
[limits]
script_characters = 1000
"""


@contextlib.contextmanager
def portal(directory):
    """Let Django serve the portal of a new directory inside the block."""
    write_users(directory, USERS)
    write_config(directory / "slurm.conf", slurm_config(directory))
    (directory / "portal.conf").write_text(CONF.format(directory=directory))
    with django_site.using(directory / "portal.conf", ALLOWED_HOSTS=["testserver", "127.0.0.1"]):
        yield directory


def write_users(directory, users):
    """Write who the machine's users are: {name: uid}."""
    lines = [f"{name}:x:{uid}:{uid}:{name.title()}::\n" for name, uid in users.items()]
    (directory / "passwd").write_text("".join(lines))


def slurm_config(directory):
    """Return where the tests' database of Slurm is."""
    return DatabaseConfig("sqlite", str(directory / "slurm.db"), "test")


class Site:
    """The portal and Slurm's database of one test."""

    def __init__(self, directory):
        from django.core.cache import cache

        self.directory = directory
        cache.clear()
        write_users(directory, USERS)
        self.empty()
        self.make_slurm()
        self.make_users()

    def empty(self):
        """Remove all rows of the portal's own tables."""
        from django.contrib.admin.models import LogEntry
        from django.contrib.auth import get_user_model

        from userportal.records.models import JobScript, Note, Token

        for model in (LogEntry, Token, JobScript, Note, get_user_model()):
            model.objects.all().delete()

    def make_slurm(self):
        """Make Slurm's tables anew, with the accounts."""
        from userportal.slurm import tables

        (self.directory / "slurm.db").unlink(missing_ok=True)
        self.associations = {}
        with self.slurm() as database:
            tables.create(database, CLUSTER)
            rows = [
                {"user": user, "acct": account}
                for account, users in ACCOUNTS.items()
                for user in ("", *users)
            ]
            tables.insert(database, CLUSTER, "assoc_table", rows)
            for number, row in enumerate(rows, 1):
                self.associations[row["user"], row["acct"]] = number

    def associate(self, user, account):
        """Let Slurm know a user, by this name, in an account."""
        from userportal.slurm import tables

        number = max(self.associations.values()) + 1
        row = {"id_assoc": number, "user": user, "acct": account}
        with self.slurm() as database:
            tables.insert(database, CLUSTER, "assoc_table", [row])
        self.associations[user, account] = number

    def disassociate(self, user):
        """Let Slurm know nobody of this name."""
        with self.slurm() as database:
            database.execute(f'DELETE FROM "{CLUSTER}_assoc_table" WHERE "user" = ?', (user,))

    def know(self, user, uid):
        """Let the machine know a user until the end of the test."""
        write_users(self.directory, {**USERS, user: uid})

    def make_users(self):
        """Make the users."""
        from django.contrib.auth import get_user_model

        self.users = {name: get_user_model().objects.create_user(name) for name in USERS}

    @contextlib.contextmanager
    def slurm(self):
        """Give the block Slurm's Database, to be written to."""
        database = Database(slurm_config(self.directory))
        try:
            with database.transaction():
                yield database
        finally:
            database.close()

    def add_jobs(self, *rows):
        """Put jobs into Slurm's table: dictionaries of columns, and user and account by name."""
        from userportal.slurm import tables

        with self.slurm() as database:
            for row in rows:
                user, account = row.pop("user", "ann"), row.pop("account", "lab")
                values = {
                    "account": account, "id_user": USERS.get(user), "job_name": "model", "state": 3,
                    "id_assoc": self.associations.get((user, account), 0), "timelimit": 60,
                    "time_submit": 1_790_000_000, "time_eligible": 1_790_000_000,
                    "time_start": 1_790_000_100, "time_end": 1_790_000_200,
                    "nodelist": "nc[01-02]", "nodes_alloc": 2, "partition": "cpu",
                    "tres_alloc": "1=4,2=8000,4=2", "tres_req": "1=4,2=8000,4=2", "cpus_req": 4,
                    **row,
                }  # fmt: skip
                tables.insert(database, CLUSTER, "job_table", [values])

    def token(self, username, *scopes):
        """Return a new token of a user."""
        from userportal.access.tokens import make_token

        return make_token(self.users[username], scopes)

    def client(self, username=None, scopes=(), **options):
        """Return a client: with a token for scopes if they are named, else logged in."""
        from django.test import Client

        if scopes:
            token = self.token(username, *scopes)
            return Client(headers={"Authorization": f"Token {token}"}, **options)
        client = Client(**options)
        if username:
            client.force_login(
                self.users[username], backend="userportal.access.password_login.PasswordBackend"
            )
        return client
