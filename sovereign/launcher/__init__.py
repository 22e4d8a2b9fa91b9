"""The supervisor: starts the processes in order, restarts them, stops them. No product logic."""
