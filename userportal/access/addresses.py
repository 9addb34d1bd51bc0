"""From where a request comes, and whose word about that is believed."""

import functools
import ipaddress

from django.conf import settings

from usagedb import errors

UNIX = "unix"  # in trusted_proxies: who connects by a Unix socket, which has no address
NETWORK_BITS = 64  # of IPv6: one subscriber has so many addresses that each counts for nothing
MOST_HOPS = 20


def is_trusted(address, proxies) -> bool:
    """Tell whether an address is that of a proxy; `proxies` are addresses and networks as text.

    Raises ConfigurationError for one that cannot be.
    """
    networks, has_unix = networks_of(tuple(proxies))
    if not address:
        return has_unix
    parsed = parsed_address(address)
    return parsed is not None and any(
        parsed.version == network.version and parsed in network for network in networks
    )


@functools.lru_cache(maxsize=16)
def networks_of(proxies):
    """Return the networks, and whether Unix sockets are among them. Raises ConfigurationError."""
    try:
        networks = [ipaddress.ip_network(text, strict=False) for text in proxies if text != UNIX]
    except ValueError as error:
        raise errors.ConfigurationError(f"[access] trusted_proxies: {error}") from error
    return networks, UNIX in proxies


def parsed_address(text):
    """Return an address, of IPv4 where it is one in the clothes of IPv6; None for no address."""
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text) -> bool:
    """Tell whether an address is one of this machine alone."""
    address = parsed_address(text)
    return address is not None and address.is_loopback


def client_address(request) -> str:
    """Return the address that a request comes from, "" if it is not known.

    Behind proxies that are trusted it is the last one in X-Forwarded-For which is none of them.
    """
    proxies = settings.PORTAL.access.trusted_proxies
    address = request.META.get("REMOTE_ADDR") or ""
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-MOST_HOPS:]
    while hops and is_trusted(address, proxies):
        said = parsed_address(hops.pop())
        if said is None:
            break
        address = str(said)
    return address


def address_key(address) -> str:
    """Return what counts as one address: for IPv6 its network."""
    parsed = parsed_address(address)
    if parsed is None:
        return ""
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network(f"{parsed}/{NETWORK_BITS}", strict=False))
