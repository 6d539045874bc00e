"""Training: data and batches, the loop, the optimiser, the task of the speech models, and checkpoints."""
