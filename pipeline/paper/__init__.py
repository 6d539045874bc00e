"""What Huang & Narayanan (arXiv 1808.00876) published: settings, tables with their hypotheses, figures, models."""
