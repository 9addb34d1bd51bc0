"""The certificates that a configuration names: are they fit for use, and what a server refuses."""

import os
import ssl
import stat
from pathlib import Path

from usagedb import errors

# Nobody else may read a key; one of root's may be read by its group. The same is libpq's rule.
OF_NOBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO
OF_ROOTS_GROUP = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
SERVER_ADVICE = "check SSL_CA, and the name and the dates in the server's certificate"
CLIENT_ADVICE = "the server refuses SSL_CERT, or wants one: check its dates, its CA and the account"
NO_TLS_ADVICE = "the server offers no TLS: set it up there, or take SSL_CA out"
# What the texts of OpenSSL, libpq and PyMySQL have in them, in lower case without underscores.
REASONS = (
    ("certificate verify failed", errors.RefusedError, SERVER_ADVICE),
    ("does not match host name", errors.RefusedError, SERVER_ADVICE),
    ("alert unknown ca", errors.RefusedError, CLIENT_ADVICE),
    ("alert bad certificate", errors.RefusedError, CLIENT_ADVICE),
    ("alert certificate", errors.RefusedError, CLIENT_ADVICE),
    ("alert unsupported certificate", errors.RefusedError, CLIENT_ADVICE),
    ("certificate required", errors.RefusedError, CLIENT_ADVICE),
    ("requires a valid client certificate", errors.RefusedError, CLIENT_ADVICE),
    ("server does not support ssl", errors.ConfigurationError, NO_TLS_ADVICE),
    ("server doesn't support it", errors.ConfigurationError, NO_TLS_ADVICE),
)


def is_wanted(config):
    """Tell whether a DatabaseConfig asks for a verified server: one that is reached by a socket has
    nothing to hide inside one machine."""
    return bool(config.ssl_ca or config.ssl_cert or config.ssl_key) and not config.socket


def context(config):
    """Return a verifying TLS context, or None if the configuration names no certificates.

    Without SSL_CA the authorities are those of the machine; without SSL_KEY the key is in SSL_CERT.
    Raises ConfigurationError, or RefusedError for a file that this account cannot read.
    """
    if not is_wanted(config):
        return None
    check_names(config)
    try:
        made = ssl.create_default_context(cafile=config.ssl_ca or None)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        # Certificates of a site's own authority often lack what Python 3.13 wants besides.
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if config.ssl_cert:
            # No passphrase is asked for: commands run without a terminal.
            made.load_cert_chain(config.ssl_cert, key_path(config), password=lambda: b"")
    except PermissionError as error:
        raise errors.RefusedError(f"{config.source}: cannot read SSL files: {error}") from error
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise errors.ConfigurationError(f"{config.source}: SSL files: {error}") from error
    return made


def key_path(config):
    """Return the path of the file with the key."""
    return config.ssl_key or config.ssl_cert


def check_names(config):
    """Raise ConfigurationError for a file that is not there, or a key that others may read, and
    RefusedError for one that this account cannot read."""
    if config.ssl_key and not config.ssl_cert:
        raise errors.ConfigurationError(f"{config.source}: SSL_KEY without SSL_CERT")
    for name, path in (
        ("SSL_CA", config.ssl_ca), ("SSL_CERT", config.ssl_cert), ("SSL_KEY", config.ssl_key),
    ):  # fmt: skip
        if path:
            check_readable(f"{config.source}: {name}", path)
    if config.ssl_cert:
        check_key(config.source, key_path(config))


def check_readable(name, path):
    """Raise ConfigurationError or RefusedError unless a file can be read."""
    try:
        with Path(path).open("rb"):
            return
    except PermissionError as error:
        raise errors.RefusedError(f"{name}: cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.ConfigurationError(f"{name}: cannot read {path}: {error.strerror}") from error


def check_key(source, path):
    """Raise ConfigurationError if accounts may read a key that should not."""
    status = os.stat(path)  # noqa: PTH116 - as the libraries see it
    forbidden = OF_ROOTS_GROUP if status.st_uid == 0 else OF_NOBODY_ELSE
    if status.st_mode & forbidden:
        raise errors.ConfigurationError(
            f"{source}: other accounts may read the key in {path}: chmod 600 {path}"
        )


def authorities(config):
    """Return the path of the file of authorities, for a library that wants one.

    Raises ConfigurationError if neither SSL_CA nor this machine has one.
    """
    found = config.ssl_ca or ssl.get_default_verify_paths().cafile
    if not found:
        raise errors.ConfigurationError(f"{config.source}: SSL_CERT needs SSL_CA on this machine")
    return found


def refusal(text, where):
    """Return the error for a message that tells of a certificate which one side did not accept,
    None for any other message."""
    plain = text.lower().replace("_", " ")
    for part, kind, advice in REASONS:
        if part in plain:
            return kind(f"{where}: {text}: {advice}")
    return None
