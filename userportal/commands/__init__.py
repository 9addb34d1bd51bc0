"""One module per command of `userportal`."""
