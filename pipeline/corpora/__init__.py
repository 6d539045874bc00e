"""The corpora that the pipeline can read, one file each; `registry` lists them."""
