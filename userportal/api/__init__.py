"""The REST API: job scripts, jobs and notes, at the addresses that programs know."""
