"""The web API: one controller file a resource. Every route says who may call it."""
