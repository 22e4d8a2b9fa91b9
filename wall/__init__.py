"""The wall: what keeps this installation from calling out. Standard library alone: read it in one sitting."""
