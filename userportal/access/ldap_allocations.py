"""Read an allocation as a directory has it: who belongs to it, and what its resources say."""

import re

from userportal.access.allocations import Allocation, StorageAmount
from userportal.access.names import shown_text

ATTRIBUTES = (
    "cn", "gidNumber", "description", "memberUid", "ccResource", "ccRapStatus", "ccResponsible",
)  # fmt: skip
ACTIVE = "active"
NOT_NOW = ("expired", "startdate")  # words in resources that do not count
TEBIBYTE = 2**40
MILLION = 10**6
DEFAULT_PROJECT = (TEBIBYTE, 500_000)  # of a default allocation that says nothing of its own
NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
COMPUTE = {"-compute": "cpu", "-gpu": "gpu"}  # what follows the name of the compute resource
PLACES = {"project_storage_tb": "project", "nearline_storage_tb": "nearline"}


def allocation_of(values, storage_name, compute_name):
    """Return the Allocation of an entry's attributes; None if it has no name."""
    by_name = {name.lower(): found for name, found in values.items()}
    names = by_name.get("cn") or []
    if not names:
        return None
    first = {key: (by_name.get(key) or [""])[0] for key in ("gidnumber", "description")}
    gid = int(first["gidnumber"]) if NUMBER.fullmatch(first["gidnumber"]) else None
    resources = [one for text in by_name.get("ccresource", []) if (one := resource_of(text))]
    return Allocation(
        name=names[0],
        members=tuple(sorted(set(by_name.get("memberuid", [])))),
        managers=tuple(sorted(set(by_name.get("ccresponsible", [])))),
        storage=storage_of(names[0], gid, resources, storage_name),
        description=shown_text(first["description"]),
        gid=gid,
        is_active=ACTIVE in by_name.get("ccrapstatus", []),
        **compute_of(resources, compute_name),
    )


def resource_of(text):
    """Return (name, {key: number}) of the text of a resource, None if it does not count now.

    The text is of fields between colons: the second is the name, others are key=number.
    """
    if any(word in text for word in NOT_NOW):
        return None
    fields = text.split(":")
    if len(fields) < 2:
        return None
    pairs = [field.partition("=") for field in fields[2:]]
    numbers = {key: float(value) for key, _equals, value in pairs if NUMBER.fullmatch(value)}
    return fields[1], numbers


def compute_of(resources, compute_name):
    """Return {cpu: amount, gpu: amount} of those that are said; several resources add up."""
    found: dict = {}
    for name, numbers in resources:
        for ending, kind in COMPUTE.items():
            if compute_name and name == compute_name + ending and kind in numbers:
                found[kind] = found.get(kind, 0.0) + numbers[kind]
    return found


def storage_of(allocation, gid, resources, storage_name):
    """Return the StorageAmounts of an allocation; its files count for the place `project`."""
    sizes: dict = {}
    files = None
    for name, numbers in resources:
        if not storage_name or name != storage_name:
            continue
        for key, place in PLACES.items():
            if key in numbers:
                sizes[place] = sizes.get(place, 0) + round(numbers[key] * TEBIBYTE)
        if "inode_quota" in numbers:
            files = (files or 0) + round(numbers["inode_quota"] * MILLION)
    size, count = sizes.pop("project", DEFAULT_PROJECT[0]), files or DEFAULT_PROJECT[1]
    project = StorageAmount(allocation, "project", size, count, gid)
    return (
        project,
        *(StorageAmount(allocation, place, sizes[place], None, gid) for place in sorted(sizes)),
    )
