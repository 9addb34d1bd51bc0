"""What tells records apart: digests that are the unique keys of the tables, 32 bytes each."""

import hashlib

UUID_BYTES = 8


def digest(*parts):
    """Return the SHA-256 of some texts."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text, usedforsecurity=False).digest()


def uuid_digest(run_uuid, *parts):
    """Return the beginning of a uuid, and the digest of some texts.

    The keys of what is read together lie together, so that storing it touches few pages of an
    index: a tree is read in the order of the uuids.
    """
    beginning = run_uuid.encode("utf-8", "surrogatepass")[:UUID_BYTES]
    return (beginning + digest(*parts))[:32]


def run_key(syshost, run_uuid, hash_id, start_time):
    """Return the key of a run: one run_uuid may stand for several programs."""
    return uuid_digest(run_uuid, "run", syshost, run_uuid, hash_id, f"{start_time:.4f}")


def whole_second_key(syshost, run_uuid, hash_id, start_time):
    """Return the key of a run whose row was made by a program that rounded the start."""
    second = f"{start_time:.0f}"
    return uuid_digest(run_uuid, "run of a second", syshost, run_uuid, hash_id, second)


def object_key(path, syshost, hash_id):
    """Return the key of a library or object file on one cluster."""
    return digest("object", path, syshost, hash_id)


def package_key(run_uuid, program, name, version, path):
    """Return the key of a package that a run imported."""
    return uuid_digest(run_uuid, "package", run_uuid, program, name, version, path)


def program_key(exec_path, module, exec_type, link_uuid):
    """Return the key of a program; module and link_uuid may be None."""
    return digest("program", exec_path, module or "", exec_type, link_uuid or "")


def job_number(syshost, job_id):
    """Return a number of 63 bits that stands for a job."""
    return int.from_bytes(digest("job", syshost, job_id)[:8], "big") >> 1


def set_key(object_keys):
    """Return the key of a set of objects."""
    joined = b"".join(sorted(object_keys))
    return hashlib.sha256(joined, usedforsecurity=False).digest()


def key_beside(key, content):
    """Return the key of a row that shares the natural key with another, yet is not equal to it."""
    return digest("beside", key.hex(), content)


def text_key(text, *identity):
    """Return the key of a record's text (bytes).

    identity are texts that tell it from others with the same text, for instance what its file is
    called: empty files are many. A log has none: its lines stand in several logs.
    """
    key = hashlib.sha256(text, usedforsecurity=False).digest()
    return digest("text", key.hex(), *identity) if identity else key
