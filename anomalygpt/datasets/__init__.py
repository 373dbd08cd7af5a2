"""Data sets as thin indexes over folders, and simulated samples."""
