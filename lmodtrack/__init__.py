"""Lmod module usage: from syslog lines to rows to reports."""
