"""Checkpoints: a folder to a model and back, every file checked."""
