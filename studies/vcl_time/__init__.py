"""Time of a training iteration with each normalisation (Littwin & Wolf 2018, table 1)."""
