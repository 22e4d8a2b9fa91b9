"""A collection as one archive, out and in: format, writing, checking, taking in, jobs."""
