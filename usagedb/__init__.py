"""The thin library under all hpcusage commands: configuration, databases, command line."""

__version__ = "0.1.0"
