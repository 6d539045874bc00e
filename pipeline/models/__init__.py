"""Classifiers: the contract, the families, and the parts of ResNeXt: layouts, shaking, normalisation."""
