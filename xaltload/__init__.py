"""XALT: which executables, libraries and packages users run."""
