"""Actor-disjoint folds."""
