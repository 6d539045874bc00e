"""How good a run is, which of its epochs is reported, and whether one model is better than another."""
