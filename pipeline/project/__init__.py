"""A project of one's own, beside an installed package: its files, and the version of the code that made its results."""
