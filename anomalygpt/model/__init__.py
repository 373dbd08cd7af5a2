"""The model's parts, and the builder that joins them."""
