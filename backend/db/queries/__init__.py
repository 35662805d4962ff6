"""Statements, one file a table family. Sessions join the caller's transaction and are never committed here."""
