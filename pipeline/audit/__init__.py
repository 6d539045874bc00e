"""The audit of any split list: what its parts share, and how balanced they are."""
