"""What one machine needs to run everything: embedded servers and the supervision of child processes."""
