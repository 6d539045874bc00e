"""A user's own project with an installed package: its files, and the version of the code that made its results."""
