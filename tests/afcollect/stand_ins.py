"""Programs that stand in for those of batch systems which cannot run here."""


def put(directory, name, text):
    """Write a program in shell."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
