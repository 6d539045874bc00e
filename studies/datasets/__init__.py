"""Data sets that the studies learn from, one file each."""
