"""Sets of users as bit patterns: how lmod_month.users is written.

In Python a set is an int in which bit n stands for user_id n: union is |, intersection &. In the
database it is a byte that tells the form, then the bits, least significant byte first: form 0 as
they are, form 1 compressed with zlib. A year of a large site is some ten megabytes of such sets,
so that counting distinct users over years takes milliseconds and no sorting in the database.
"""

import zlib

PLAIN, PACKED = b"\0", b"\1"
# Below this zlib costs more time than it saves room.
PACK_FROM_BYTES = 256


def encode(users):
    """Return the stored form of a set of user ids (an int >= 0)."""
    plain = users.to_bytes((users.bit_length() + 7) // 8, "little")
    if len(plain) >= PACK_FROM_BYTES:
        packed = zlib.compress(plain, 1)
        if len(packed) < len(plain):
            return PACKED + packed
    return PLAIN + plain


def decode(stored):
    """Return the set behind a stored form. Raises ValueError if it is none."""
    form, body = stored[:1], stored[1:]
    if form == PACKED:
        body = zlib.decompress(body)
    elif form != PLAIN:
        raise ValueError(f"unknown form {form!r} of a user set")
    return int.from_bytes(body, "little")


def count(users):
    """Return the number of users in a set."""
    return bin(users).count("1")  # int.bit_count needs Python 3.10


def members(users):
    """Return the user ids of a set, ascending."""
    bits = bin(users)[:1:-1]  # least significant first, without the 0b
    found, at = [], bits.find("1")
    while at >= 0:
        found.append(at)
        at = bits.find("1", at + 1)
    return found


def of(user_ids):
    """Return the set of some user ids."""
    users = 0
    for user_id in user_ids:
        users |= 1 << user_id
    return users
