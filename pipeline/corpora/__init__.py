"""The corpora that the pipeline can read, one file each; `registry` knows them all."""
