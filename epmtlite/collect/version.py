"""The version: that of the suite, which this package does not import."""

VERSION = "0.1.0"
