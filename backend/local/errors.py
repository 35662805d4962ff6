"""What a person can meet when servers and processes are started on their machine."""


class LocalError(Exception):
    """Something on this machine is in the way; the text is a sentence that says what, and what to do."""
