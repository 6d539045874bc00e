"""From tables of utterances to archives of features: segmentation, extraction, content hashes."""
