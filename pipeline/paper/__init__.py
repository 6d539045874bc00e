"""What Huang & Narayanan (arXiv 1808.00876) published: figures, settings, models, hypotheses."""
