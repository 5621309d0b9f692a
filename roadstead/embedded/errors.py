"""What the embedded stack raises."""

from roadstead.failure import Failure


class EmbeddedStackError(Failure):
    """The stack cannot start or run; ``str()`` says what is wrong and what to do."""


class EngineUnavailableError(EmbeddedStackError):
    """This DynamoDB engine cannot be had on this machine; another one may."""


class PortTakenError(EmbeddedStackError):
    """Somebody else took a port between choosing and binding it; choose others and try again."""
