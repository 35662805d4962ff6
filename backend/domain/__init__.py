"""Every rule of the product, as plain functions over frozen values: no clock, no environment, no I/O."""
