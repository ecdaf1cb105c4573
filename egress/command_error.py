"""The error of the operator's commands."""


class CommandError(Exception):
    """The command cannot be carried out; the message, for the operator, says why."""
