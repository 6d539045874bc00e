"""Front ends, which turn samples into features: one file for each, listed in the registry."""
