"""What all studies share: sections of the params file, runs in order, means over seeds, claims, files of results."""
