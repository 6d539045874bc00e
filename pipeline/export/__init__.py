"""Trained models for other programs: ONNX with the front end inside, a runner without torch, and a model card."""
