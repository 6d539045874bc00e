"""The runs of an experiment: their identities, the run store, scheduler and workers, and the results collected."""
