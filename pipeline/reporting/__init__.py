"""The paper's tables, and a user's own, from what was trained: CSV, Markdown, LaTeX and one HTML page."""
