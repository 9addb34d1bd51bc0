"""Say what replaces the secrets in job scripts, which users and staff see."""

from usagedb.redact import Keeper, read_redactor


def script_redactor(configuration):
    """Return the Redactor of a portal's Configuration. Raises ConfigurationError."""
    if configuration.portal.keep_secrets:
        return Keeper()
    return read_redactor(configuration.files.redact)
