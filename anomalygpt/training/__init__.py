"""Training: losses, stages, and the loop that steps, logs, saves and resumes."""
