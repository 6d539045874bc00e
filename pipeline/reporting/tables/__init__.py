"""Tables as values, and as CSV, Markdown and LaTeX."""
