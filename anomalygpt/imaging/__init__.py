"""Photos as arrays: reading any upload, one geometry for all, the regions of a map, and their rendering."""
