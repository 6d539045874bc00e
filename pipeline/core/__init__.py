"""Code that all packages use: errors for people, wording, files, settings, tables, worker processes, source hashes."""
