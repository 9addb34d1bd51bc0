"""Choose one of several hosts of a server."""

import contextlib

from usagedb import errors


def connect_to_any(dialect, hosts, config, connect, driver_error):
    """Return a connection to the first host that is ready to be written to; to one that is not, as
    a replica, only if there is no better one.

    connect(host) returns (connection, whether it is ready for that), or raises a driver_error.
    Raises the error of the first host that refuses; if there is none that of the last that is away;
    if some lack the database NoDatabaseError, or PartlyAwayError if another one is away.
    """
    last: Exception = errors.ConfigurationError(f"{config.source}: no HOST")
    lacking = away = spare = None
    for host in hosts:
        try:
            connection, is_preferred = connect(host)
        except driver_error as error:
            last = dialect.translate_error(error, config) or error
            # A replica may not know a new database yet.
            if not isinstance(last, (errors.UnavailableError, errors.NoDatabaseError)):
                close(spare)
                raise last from error
            if isinstance(last, errors.NoDatabaseError):
                lacking = lacking or last
            else:
                away = last
            continue
        if is_preferred:
            close(spare)
            return connection
        if spare is None:
            spare = connection
        else:
            close(connection)
    if spare is not None:
        return spare
    if lacking and away:
        raise errors.PartlyAwayError(f"{away}; and {lacking}, if it is in no other place")
    raise lacking or last


def close(connection):
    """Close a connection that is not needed, or None; it may be broken."""
    if connection is not None:
        with contextlib.suppress(Exception):
            connection.close()
