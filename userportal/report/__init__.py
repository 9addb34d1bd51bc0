"""The report of a job for the shell, as text and as JSON; no Django."""
