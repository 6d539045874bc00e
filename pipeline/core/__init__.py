"""What every room uses: errors for people, wording, files, settings, tables, worker processes, source hashes."""
