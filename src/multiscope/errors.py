"""The one exception for what a user can cause and mend."""


class InputError(Exception):
    """Bad input or configuration: the command ends with this one line and exit code 2.

    The message says what is wrong, where, what was expected and what to do.
    """
