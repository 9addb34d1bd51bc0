"""Tests of who people are, and of who may see what."""
