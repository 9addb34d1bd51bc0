"""Ask a directory for people, their groups, their passwords, and the groups' allocations."""

import functools
import logging
import math
import time

from userportal.access import ldap_filter
from userportal.access.ldap_allocations import ATTRIBUTES as ALLOCATION_ATTRIBUTES
from userportal.access.ldap_allocations import allocation_of
from userportal.access.ldap_connection import LdapConnections, SearchRefusedError
from userportal.access.names import full_name, is_username

logger = logging.getLogger(__name__)

PERSON_ATTRIBUTES = ["uid", "uidNumber", "gidNumber", "cn", "gecos"]
MOST_PEOPLE = 2  # asked for by name: a second one is a fault of the directory that is noticed
MOST_DIGITS = 10
REFUSED_SECONDS = 300.0  # a search that was refused, or took too long, is not tried again before
# Nobody has it: who tries a name that there is not waits for a refused bind as well.
NOBODY = "uid=nobody-has-this-name"


class Directory:
    """The directory of a section [ldap]; used by many threads at once.

    Methods raise as LdapConnections does.
    """

    def __init__(self, section):
        """Check the settings; nothing is opened. Raises ConfigurationError."""
        self.section = section
        self.connections = LdapConnections(section)
        self._no_managers_until, self._is_refusal_told = -math.inf, False

    def by_name(self, username):
        """Return (name, uid, full name, gid or None) of a user name, or None."""
        found = self._person(ldap_filter.equals("uid", username), username)
        return found and found[1]

    def by_uid(self, uid):
        """Return (name, uid, full name, gid or None) of a uid, or None."""
        people = self._people(ldap_filter.equals("uidNumber", uid), MOST_PEOPLE)
        matching = [person for _dn, person in people if person[1] == uid]
        return matching[0] if matching else None

    def search(self, text, limit):
        """Return people with a text in name or full name, in order of names; none for ""."""
        if not text:
            return []
        wanted = ldap_filter.any_of(
            ldap_filter.contains("uid", text), ldap_filter.contains("cn", text)
        )
        people = (person for _dn, person in self._people(wanted, limit))
        return sorted(people, key=lambda person: person[:3])

    def login(self, username, password):
        """Return the user's name as the directory writes it if the password is right, else None.

        An empty password is never right, though a directory may call it anonymous access.
        """
        if not password or not is_username(username):
            return None
        found = self._person(ldap_filter.equals("uid", username))
        name = f"{NOBODY},{self.section.base_dn}" if found is None else found[0]
        is_right = self.connections.is_password(name, password)
        return found[1][0] if is_right and found else None

    def groups_of(self, username):
        """Return the names of a user's groups: the primary one, and those that list the user."""
        found = self._person(ldap_filter.equals("uid", username), username)
        if found is None:
            return frozenset()
        distinguished_name, (_name, _uid, _full_name, gid) = found
        listed = [
            ldap_filter.equals("memberUid", username),
            ldap_filter.equals("member", distinguished_name),
            ldap_filter.equals("uniqueMember", distinguished_name),
        ]
        primary = [ldap_filter.equals("gidNumber", gid)] if gid else []
        wanted = ldap_filter.all_of(
            ldap_filter.of_class(self.section.group_class),
            ldap_filter.any_of(*listed, *primary),
        )
        entries = self.connections.search(wanted, ["cn"])
        return frozenset(name for _dn, values in entries for name in of(values, "cn"))

    def group_names(self, gid):
        """Return the names of the groups with a number."""
        wanted = ldap_filter.all_of(
            ldap_filter.of_class(self.section.group_class), ldap_filter.equals("gidNumber", gid)
        )
        entries = self.connections.search(wanted, ["cn"])
        return frozenset(name for _dn, values in entries for name in of(values, "cn"))

    def allocation(self, name):
        """Return the Allocation of that name, active or not, or None."""
        found = self._allocations(ldap_filter.equals("cn", name))
        return next((one for one in found if one.name == name), None)

    def allocations_of(self, username):
        """Return the Allocations that list a user as member or manager, active or not.

        These are two searches: that for managers has no index in many a directory, which may then
        refuse it, and would refuse both in one. Those of managers are then left out.
        """
        members = self._allocations(ldap_filter.equals("memberUid", username))
        found = {one.name: one for one in (*members, *self._managed_by(username))}
        return [one for one in found.values() if username in (*one.members, *one.managers)]

    def _managed_by(self, username):
        """Return the Allocations of a manager; [] if the directory has just refused to say. One
        that is away has said nothing: that is raised."""
        if time.monotonic() < self._no_managers_until:
            return []
        try:
            found = self._allocations(ldap_filter.equals("ccResponsible", username))
        except SearchRefusedError as error:
            self._no_managers_until = time.monotonic() + REFUSED_SECONDS
            log = logger.info if self._is_refusal_told else logger.warning
            log("managers of allocations are not known, has ccResponsible an index? %s", error)
            self._is_refusal_told = True
            return []
        self._is_refusal_told = False
        return found

    def _allocations(self, wanted):
        of_class = ldap_filter.of_class(self.section.allocation_class)
        entries = self.connections.search(
            ldap_filter.all_of(of_class, wanted), list(ALLOCATION_ATTRIBUTES)
        )
        names = self.section.storage_name, self.section.compute_name
        made = [allocation_of(values, *names) for _dn, values in entries]
        return [one for one in made if one is not None]

    def _person(self, wanted, exact=None):
        """Return (DN, person) if there is just one, of that very name if one is given."""
        found = self._people(wanted, MOST_PEOPLE)
        found = [one for one in found if exact is None or one[1][0] == exact]
        return found[0] if len(found) == 1 else None

    def _people(self, wanted, most):
        """Return [(DN, (name, uid, full name, gid))] of those who have a name and a uid."""
        of_class = ldap_filter.of_class(self.section.user_class)
        entries = self.connections.search(
            ldap_filter.all_of(of_class, wanted), PERSON_ATTRIBUTES, most
        )
        made = [(name, person_of(values)) for name, values in entries]
        return [one for one in made if one[1] is not None]


def person_of(values):
    """Return (name, uid, full name, gid or None) of the attributes of a person, None without a
    name or a uid."""
    names, uid = of(values, "uid"), number(values, "uidNumber")
    if not names or uid is None:
        return None
    called = of(values, "cn") or [full_name(text, names[0]) for text in of(values, "gecos")]
    return names[0], uid, called[0] if called else "", number(values, "gidNumber")


def of(values, attribute):
    """Return the values of an attribute, whatever the case of its name; [] without any."""
    wanted = attribute.lower()
    return next((found for name, found in values.items() if name.lower() == wanted), [])


def number(values, attribute):
    """Return the first value of an attribute as a number of 0 or more, or None."""
    for text in of(values, attribute):
        if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
            return int(text)
    return None


@functools.lru_cache(maxsize=8)
def directory_for(section):
    """Return the Directory of a section [ldap]: the same for all who ask. Nothing is opened."""
    return Directory(section)
