"""Measurements, logs and what is shown of them; it imports nothing of ours."""
