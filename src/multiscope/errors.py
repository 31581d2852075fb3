"""The exceptions that end a command with one line."""


class InputError(Exception):
    """Bad input or configuration: the command ends with this one line and exit code 2.

    The message says what is wrong, where, what was expected and what to do.
    """


class Interrupted(BaseException):
    """The job was told to stop; what is finished is kept: the command ends with this line and exit code 1."""
