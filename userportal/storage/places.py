"""How full the places of a user are, by the metrics of lfs_quota or gpfs_exporter. Read-only."""

import dataclasses
from typing import Any, Optional

from userportal.metrics.expression import metric

KIBIBYTE = 1024
# Metrics leave out who has stored almost nothing.
FLOOR_FILES, FLOOR_BYTES = 50, 4 * 2**20
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
        """Whether it is measured and has so little that no series is there."""
        return self.is_measured and self.used_bytes is None and self.used_files is None


def percent(used, quota):
    """Return used by quota in percent, None if one of them is not known."""
    return None if used is None or not quota else 100 * used / quota


def is_of_group(settings):
    """Tell whether a place belongs to a group rather than to a person."""
    return settings.label in GROUP_LABELS


def places_of(amounts, user_id, storage):
    """Return the Places, not measured yet, of StorageAmounts of a user.

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
    return found


def used_expression(place, unit):
    """Return the expression of the bytes or files that a place has."""
    settings, owner = place.settings, str(place.owner_id)
    if settings.kind == "gpfs":
        return gpfs(place, f"used_{unit}")
    labels = {"path": settings.file_system, settings.label: owner}
    if unit == "files":
        return metric("lfs_quota_inodes", **labels)
    return metric("lfs_quota_kbytes", **labels) * KIBIBYTE


def gpfs(place, what):
    """Return the selector of a metric of gpfs_exporter."""
    settings = place.settings
    where = "fileset" if "fileset" in settings.file_system else "fs"
    labels = {where: settings.file_system}
    if settings.label != "fileset":
        labels[settings.label] = str(place.owner_id)
    return metric(f"gpfs_{settings.label}_{what}", **labels)


def measured(source, places, now, has_exporter):
    """Return the Places with what is used, and for GPFS what is allowed. Asks all at once.

    has_exporter(name) tells which exporters the site has.
    """
    asked = [
        (number, unit, expression)
        for number, place in enumerate(places)
        if place.owner_id is not None and has_exporter(exporter_of(place))
        for unit in UNITS
        for expression in (used_expression(place, unit),)
    ]
    quotas = [
        (number, unit, gpfs(places[number], f"quota_{unit}"))
        for number, unit, _expression in asked
        if places[number].settings.kind == "gpfs"
    ]
    answers = source.instant_many([(one[2], now) for one in (*asked, *quotas)])
    fields: dict = {}
    for (number, unit, _expression), series in zip(asked, answers):
        value = series[0].last() if series else None
        fields.setdefault(number, {"is_measured": True})[f"used_{unit}"] = value
    for (number, unit, _expression), series in zip(quotas, answers[len(asked) :]):
        if series:
            fields[number][f"quota_{unit}"] = series[0].last()
    return [
        dataclasses.replace(place, **fields.get(number, {})) for number, place in enumerate(places)
    ]


def exporter_of(place):
    """Return the name of the exporter that measures a place."""
    return "gpfs_exporter" if place.settings.kind == "gpfs" else "lfs_quota"
