"""Ways to reach a person, one file each: a class with `send`, which returns the provider's id or raises SendFailed."""
