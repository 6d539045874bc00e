"""Recordings of any format as samples at 16 kHz, and the frames that they are cut into."""
