"""Fully connected networks on UCI tables (Littwin & Wolf 2018, section 3; tables 4 and 5, figures 1 and 3)."""
