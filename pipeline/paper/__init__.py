"""The publication of Huang & Narayanan (arXiv 1808.00876): settings, tables with hypotheses, figures, models."""
