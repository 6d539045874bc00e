"""The 11-layer network with each activation and normalisation (Littwin & Wolf 2018, tables 2 and 3)."""
