"""Procedural products, simulated defects and the samples made of them."""
