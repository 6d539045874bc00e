"""Gastaldi's studies of Shake-Shake, and what competes with it (arXiv 1705.07485, sections 2 and 3)."""
