"""The command epmt help api: which functions epmtlite.query has, and what they do."""

import importlib
import inspect

from epmtlite.collect import errors
from epmtlite.collect.console import print_line

MODULES = (
    "jobs", "processes", "operations", "outliers", "models", "analyses", "features", "experiments",
    "notes", "care", "session",
)  # fmt: skip
WIDTH = 30


def show(names):
    """Print the functions by sections, or what there is to say about those of some names.

    Raises MissingError for a name that is none.
    """
    if not names:
        print_index()
        return
    known = {name: function for functions in sections().values() for name, function in functions}
    for name in names:
        if name not in known:
            raise errors.MissingError(f"{name} is no function of epmtlite.query: epmt help api")
        print_function(name, known[name])


def sections():
    """Return {what a module is about: its (name, function)s in order}."""
    from epmtlite import query

    found = {}
    for module_name in MODULES:
        module = importlib.import_module(f"epmtlite.query.{module_name}")
        functions = [
            (name, one)
            for name, one in vars(module).items()
            if name in query.__all__ and inspect.unwrap(one).__module__ == module.__name__
        ]
        found[(module.__doc__ or "").splitlines()[0].rstrip(".")] = sorted(functions)
    return found


def print_index():
    """Print the names of all functions with the first line of what they do."""
    print_line("from epmtlite import query: the functions by section; epmt help api NAME says more")
    for title, functions in sections().items():
        print_line(f"\n{title}\n")
        for name, function in functions:
            print_line(f"{name.ljust(WIDTH)} {first_sentence(function)}")


def first_sentence(function):
    """Return the first sentence of what a function says about itself, on one line."""
    text = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".:")


def print_function(name, function):
    """Print the signature of a function and what it does."""
    print_line(f"from epmtlite.query import {name}\n\n{name}{inspect.signature(function)}\n")
    print_line(inspect.getdoc(function) or "")
    print_line("")
