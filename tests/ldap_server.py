"""A private slapd: people, groups and allocations of invented names, with and without TLS."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import ldap3
import trustme

from tests.services import Server, ServerFailed, find_program, free_port, missing_program

BASE = "dc=example,dc=org"
ADMINISTRATOR = f"cn=admin,{BASE}"
READER = f"cn=portal,{BASE}"
PASSWORD = "a password of tests"
SCHEMAS = ("core", "cosine", "inetorgperson", "nis")
SCHEMA_DIRECTORY = Path("/etc/ldap/schema")
MODULE_DIRECTORY = Path("/usr/lib/ldap")

# What directories of allocations have beside the usual classes.
ALLOCATION_SCHEMA = """
objectidentifier site 1.3.6.1.4.1.32473.1
{attributes}
objectclass ( site:100 NAME 'ccAllocation' SUP top STRUCTURAL
  MUST cn MAY ( gidNumber $ description $ memberUid $ {names} ) )
"""
ATTRIBUTE = """attributetype ( site:{number} NAME '{name}' EQUALITY caseExactMatch
  SUBSTR caseExactSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"""
ALLOCATION_ATTRIBUTES = ("ccResource", "ccRapStatus", "ccRapi", "ccRapType", "ccResponsible")
CONFIGURATION = """
{includes}
pidfile {directory}/slapd.pid
argsfile {directory}/slapd.args
modulepath {modules}
moduleload back_mdb
TLSCACertificateFile {directory}/ca.pem
TLSCertificateFile {directory}/cert.pem
TLSCertificateKeyFile {directory}/key.pem
{options}
database mdb
suffix "{base}"
rootdn "{administrator}"
rootpw "{password}"
directory {directory}/data
index objectClass,uid,uidNumber,cn,memberUid eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * {others}
{more}
"""


class LdapServer(Server):
    """A slapd on two ports of 127.0.0.1: one speaks TLS from the start.

    Its certificate, for `host`, is of the authority in `ca_file`.
    """

    name = "slapd"

    def __init__(
        self,
        directory: Path,
        host: str = "127.0.0.1",
        others: str = "none",
        options: str = "",
        more: str = "",
        authority: "trustme.CA | None" = None,
    ) -> None:
        """others: what is allowed to those who have not logged in; options, more: for slapd."""
        super().__init__(directory)
        self.host, self.others, self.options, self.more = host, others, options, more
        self.port, self.tls_port = free_port(), free_port()
        self.authority = authority or trustme.CA()
        self.ca_file = self.directory / "ca.pem"

    @property
    def url(self) -> str:
        """The address without TLS."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The address with TLS."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def prepare(self) -> None:
        """Write the certificate, the schema and the configuration; keep data that are there."""
        data = self.directory / "data"
        if data.is_dir():
            return
        data.mkdir()
        certificate = self.authority.issue_cert(self.host)
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(self.directory / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(self.directory / "cert.pem"))
        (self.directory / "allocations.schema").write_text(allocation_schema())
        schemas = [SCHEMA_DIRECTORY / f"{name}.schema" for name in SCHEMAS]
        schemas.append(self.directory / "allocations.schema")
        values = {"base": BASE, "administrator": ADMINISTRATOR, "reader": READER,
                  "password": PASSWORD, "directory": self.directory, "others": self.others,
                  "modules": MODULE_DIRECTORY, "options": self.options, "more": self.more,
                  "includes": "\n".join(f"include {path}" for path in schemas)}  # fmt: skip
        self.configuration.write_text(CONFIGURATION.format(**values))

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.directory / "slapd.conf"

    def command(self) -> "list[str]":
        """Return the command line of slapd, which stays in the foreground and logs requests."""
        program = find_program("slapd")
        if program is None:
            raise ServerFailed(missing_program("slapd"))
        urls = f"{self.url} ldaps://127.0.0.1:{self.tls_port}"
        return [program, "-d", "stats", "-f", str(self.configuration), "-h", urls]

    def is_ready(self) -> bool:
        """Ask for a bind."""
        try:
            with self.administrator():
                return True
        except ldap3.core.exceptions.LDAPException:
            return False

    def administrator(self) -> ldap3.Connection:
        """Return a connection that may do everything; a context manager."""
        server = ldap3.Server(self.url, get_info=ldap3.NONE, connect_timeout=5)
        return ldap3.Connection(
            server, ADMINISTRATOR, PASSWORD, auto_bind=True, raise_exceptions=True,
            check_names=False,
        )  # fmt: skip

    def add(self, name: str, classes: "Sequence[str]", values: "Mapping[str, object]") -> str:
        """Add an entry below the base, and return its DN."""
        distinguished_name = f"{name},{BASE}" if name else BASE
        with self.administrator() as connection:
            connection.add(distinguished_name, list(classes), dict(values))
        return distinguished_name

    def change(self, distinguished_name: str, **values: object) -> None:
        """Replace attributes of an entry."""
        changes = {
            name: [(ldap3.MODIFY_REPLACE, value if isinstance(value, list) else [value])]
            for name, value in values.items()
        }
        with self.administrator() as connection:
            connection.modify(distinguished_name, changes)

    def add_base(self) -> None:
        """Add the base and the account with which the portal reads."""
        self.add("", ["dcObject", "organization"], {"dc": "example", "o": "Example"})
        account = {"cn": "portal", "sn": "portal", "userPassword": hashed(PASSWORD)}
        self.add("cn=portal", ["person"], account)

    def add_person(self, name: str, uid: int, full_name: str, **more: object) -> str:
        """Add a person, whose password is PASSWORD, and return the DN."""
        values = {"uid": name, "uidNumber": uid, "gidNumber": uid, "cn": full_name, "sn": full_name,
                  "homeDirectory": f"/home/{name}", "userPassword": hashed(PASSWORD),
                  **more}  # fmt: skip
        return self.add(f"uid={name}", ["inetOrgPerson", "posixAccount"], values)

    def add_group(self, name: str, gid: int, members: "Sequence[str]" = ()) -> str:
        """Add a group of the operating system, and return the DN."""
        members_of = {"memberUid": list(members)} if members else {}
        return self.add(f"cn={name}", ["posixGroup"], {"cn": name, "gidNumber": gid, **members_of})

    def add_allocation(self, name: str, members: "Sequence[str]", **more: object) -> str:
        """Add an allocation, and return the DN."""
        values = {"cn": name, "memberUid": list(members), "ccRapStatus": "active", **more}
        return self.add(f"cn={name}", ["ccAllocation"], values)


def allocation_schema() -> str:
    """Return the schema of allocations."""
    attributes = [
        ATTRIBUTE.format(number=number, name=name)
        for number, name in enumerate(ALLOCATION_ATTRIBUTES, 1)
    ]
    return ALLOCATION_SCHEMA.format(
        attributes="\n".join(attributes), names=" $ ".join(ALLOCATION_ATTRIBUTES)
    )


def hashed(password: str) -> str:
    """Return a password as a directory stores it."""
    program = find_program("slappasswd")
    if program is None:
        raise ServerFailed("slappasswd is not installed (Debian package: slapd)")
    done = subprocess.run([program, "-s", password], capture_output=True, text=True, check=True)
    return done.stdout.strip()
