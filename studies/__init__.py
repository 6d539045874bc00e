"""The papers' studies on images and tables: one package a study, on the networks of `pipeline.models`."""
