"""What ends the launcher with one clear sentence."""


class LaunchError(Exception):
    """The message says what is wrong and what to do; it is shown without a trace."""
