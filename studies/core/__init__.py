"""Code that all studies share: sections of the params file, runs in order, means over seeds, claims, result files."""
