"""How the studies train: recipe, loop, checkpoints, processes."""
