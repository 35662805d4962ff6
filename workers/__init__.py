"""The background: actors on Dramatiq, and the scheduler that wakes them."""
