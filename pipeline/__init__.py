"""Speech emotion recognition with shaking regularisation, after Huang & Narayanan (arXiv 1808.00876)."""

__version__ = "0.1.0"
