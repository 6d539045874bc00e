"""Training: resident batches, the loop, checkpoints, the run store and the engine that spreads runs."""
