"""The measure: protocol, metrics, comparisons, dialogue and reports."""
