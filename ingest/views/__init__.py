"""The pages of this room: what is there (collections), who may use it (manage), one file (documents)."""
