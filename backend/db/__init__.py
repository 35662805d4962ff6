"""Postgres: tables, queries and migrations. SQL lives here and nowhere else."""
