"""Networks of the studies, of the branches, mixing and blocks of `pipeline.models`."""
