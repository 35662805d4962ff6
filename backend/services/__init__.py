"""Use cases, one a function. They own their transactions and never hold one across a call to the outside."""
