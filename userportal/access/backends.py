"""The login back ends of a portal, in their order; for Django's settings."""

BACKENDS = (
    "userportal.access.throttle.Throttle",  # first: after too many tries no other one is asked
    "userportal.access.ldap_login.LdapBackend",
    "userportal.access.single_sign_on.TrustedBackend",
    "userportal.access.password_login.PasswordBackend",
)


def backends(methods):
    """Return AUTHENTICATION_BACKENDS for some methods of logging in; ldap3 is needed for ldap."""
    return [name for name in BACKENDS if "ldap" in methods or not name.endswith(".LdapBackend")]
