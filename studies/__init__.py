"""The image and tabular studies of the papers, on the networks of the speech models."""
