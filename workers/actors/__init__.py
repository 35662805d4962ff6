"""Actors, thin: take a message, call one service, log one line. Their names are stored in Redis and stay."""
