"""userportal jobscripts: see userportal.jobscripts."""

from userportal.jobscripts.command import jobscripts as command

__all__ = ["command"]
