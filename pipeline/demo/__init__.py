"""Six small corpora of synthetic voices, for the demo."""
