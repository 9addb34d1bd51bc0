"""How full the places of a user are, by the metrics of lfs_quota or gpfs_exporter. Read-only."""

import dataclasses
from typing import Any, Optional

from userportal.metrics.expression import any_of, count, maximum, metric

KIBIBYTE = 1024
UNITS = ("bytes", "files")
GROUP_LABELS = ("group", "project", "fileset")


@dataclasses.dataclass(frozen=True)
class Place:
    """A place of a user or a group; None is not known."""

    kind: str  # home, scratch, project, nearline …, as the configuration calls it
    name: str  # of the user or the group
    owner_id: Optional[int]
    quota_bytes: Optional[float] = None
    quota_files: Optional[float] = None
    used_bytes: Optional[float] = None
    used_files: Optional[float] = None
    is_measured: bool = False
    is_personal: bool = False  # what a user's personal group has in a place of groups
    settings: Any = None  # the section [storage KIND]

    @property
    def percent_bytes(self):
        """Return the used part of the bytes, 0 to 100 and above, or None."""
        return percent(self.used_bytes, self.quota_bytes)

    @property
    def percent_files(self):
        """Return the used part of the files, 0 to 100 and above, or None."""
        return percent(self.used_files, self.quota_files)

    @property
    def is_over(self):
        """Whether more is stored than is allowed."""
        return any((one or 0) > 100 for one in (self.percent_bytes, self.percent_files))

    @property
    def is_below_floor(self):
        """Whether it is measured and has so little that no series is there.

        lfs_quota leaves out who has less than 50 files and 4 MiB.
        """
        is_absent = self.used_bytes is None and self.used_files is None
        return self.is_measured and is_absent and not is_gpfs(self)


def percent(used, quota):
    """Return used by quota in percent, None if one of them is not known."""
    return None if used is None or not quota else 100 * used / quota


def is_gpfs(place):
    """Tell whether gpfs_exporter measures a place, which knows the quota too."""
    return place.settings is not None and place.settings.kind == "gpfs"


def is_of_group(settings):
    """Tell whether a place belongs to a group rather than to a person."""
    return settings.label in GROUP_LABELS


def places_of(amounts, username, user_id, storage, has_own_group=False):
    """Return the Places, not measured yet, of StorageAmounts of a user, and of the personal group
    where the user has one.

    storage: {kind: section [storage KIND]}. Amounts of kinds without a section are left out.
    """
    found = []
    for amount in amounts:
        settings = storage.get(amount.place)
        if settings is None:
            continue
        owner_id = amount.gid if is_of_group(settings) else user_id
        found.append(
            Place(
                amount.place, amount.name, owner_id, amount.size_bytes, amount.file_count,
                settings=settings,
            )
        )  # fmt: skip
    taken = {(place.kind, place.name) for place in found}
    personal = personal_places(username, user_id, storage) if has_own_group else []
    return found + [place for place in personal if (place.kind, place.name) not in taken]


def personal_places(username, user_id, storage):
    """Return what a user's personal group, whose number is the uid, may have in places of groups.

    No allocation stands behind it: it is there by mistake, if at all.
    """
    return [
        Place(kind, username, user_id, is_personal=True, settings=settings)
        for kind, settings in storage.items()
        if settings.label == "group"
    ]


def used_expression(place, unit):
    """Return the expression of the bytes or files that a place has: one series."""
    if is_gpfs(place):
        return maximum(gpfs(place, f"used_{unit}"))
    own = of_all(place.settings, unit).having(**{place.settings.label: place.owner_id})
    return maximum(own) * factor(place.settings, unit)


def quota_expression(place, unit):
    """Return the expression of the bytes or files that a place of GPFS may have: one series."""
    return maximum(gpfs(place, f"quota_{unit}"))


def gpfs(place, what):
    """Return the selector of a metric of gpfs_exporter for a place."""
    label, name = place.settings.label, place.settings.file_system
    found = gpfs_metric(label, what, name)
    if label != "fileset":
        return found.having(**{label: place.owner_id})
    if "fileset" in name:
        return found
    return found.having(fileset=any_of([place.name, place.owner_id]))  # as the site calls it


def gpfs_metric(label, what, file_system):
    """Return the selector of a metric of gpfs_exporter on a file system.

    One whose name says fileset is a fileset itself, which another label names.
    """
    where = "fileset" if "fileset" in file_system else "fs"
    return metric(f"gpfs_{label}_{what}", **{where: file_system})


def measured(source, places, now, has_exporter):
    """Return the Places with what is used, and for GPFS what is allowed. Asks all at once.

    has_exporter(name) tells which exporters the site has. A personal group without files is left
    out.
    """
    known = [
        (number, place) for number, place in enumerate(places)
        if place.owner_id is not None and has_exporter(exporter_of(place))
    ]  # fmt: skip
    asked = [
        ((number, f"used_{unit}"), used_expression(place, unit))
        for number, place in known for unit in UNITS
    ]  # fmt: skip
    asked += [
        ((number, f"quota_{unit}"), quota_expression(place, unit))
        for number, place in known if is_gpfs(place) for unit in UNITS
    ]  # fmt: skip
    kinds = {place.kind: place for _number, place in known if not is_gpfs(place)}
    asked += [((kind, "any"), any_series(place)) for kind, place in kinds.items()]
    answers = source.instant_many([(expression, now) for _key, expression in asked])
    found = {key: answer[0].last() for (key, _one), answer in zip(asked, answers) if answer}
    shown = [with_measures(number, place, found) for number, place in known]
    by_number = {number: place for (number, _one), place in zip(known, shown)}
    every = [by_number.get(number, place) for number, place in enumerate(places)]
    return [place for place in every if not place.is_personal or place.used_files]


def of_users(settings, users, unit):
    """Return the selector of what users have on the file system of a section [storage KIND].

    users: the value of the label `user`, or a Pattern. See factor().
    """
    return of_all(dataclasses.replace(settings, label="user"), unit).having(user=users)


def of_all(settings, unit):
    """Return the selector of what all owners have in the places of a section [storage KIND]."""
    if settings.kind == "gpfs":
        return gpfs_metric(settings.label, f"used_{unit}", settings.file_system)
    name = "lfs_quota_inodes" if unit == "files" else "lfs_quota_kbytes"
    return metric(name, path=settings.file_system)


def factor(settings, unit):
    """Return what a value of of_users is multiplied with."""
    return KIBIBYTE if settings.kind != "gpfs" and unit == "bytes" else 1


def any_series(place):
    """Return the expression that has a value if the places of a kind are measured at all."""
    return count(of_all(place.settings, "bytes"))


def with_measures(number, place, found):
    """Return a Place with what {(number, field): value} says of it.

    A place of GPFS without a series is not known to be empty; one of Lustre is, if others have one.
    """
    fields = ("used_bytes", "used_files", "quota_bytes", "quota_files")
    values = {field: found[number, field] for field in fields if (number, field) in found}
    # A quota of 0 is none.
    values = {field: value for field, value in values.items() if value or "used" in field}
    is_measured = bool(values) or (place.kind, "any") in found
    return dataclasses.replace(place, is_measured=is_measured, **values)


def exporter_of(place):
    """Return the name of the exporter that measures a place."""
    return "gpfs_exporter" if is_gpfs(place) else "lfs_quota"
