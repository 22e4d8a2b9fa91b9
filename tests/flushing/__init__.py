"""Empties the database between tests that commit. The product has no such command.

Triggers of the record refuse `flush`, in production too. An app of the tests alone takes them away
for the moment in which pytest-django empties the tables, and puts them back.
"""
