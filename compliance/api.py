"""The record over HTTP, for compliance officers."""

from ninja import Router

router = Router(tags=["compliance"])
