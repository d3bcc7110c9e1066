"""The two faults a codec knows: the device's and ours."""


class PeerError(Exception):
    """The device sent something its protocol does not allow; `reason` is clean text, `discarded` the bytes given up."""

    def __init__(self, reason: str, *, discarded: bytes = b"", fatal: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.discarded = discarded
        #: True when the stream cannot be read any further (for example a declared length beyond the maximum).
        self.fatal = fatal


class LocalError(Exception):
    """We asked the codec for something it cannot do; `parameter` names the setting or argument at fault."""

    def __init__(self, reason: str, *, parameter: str = "") -> None:
        super().__init__(f"{parameter}: {reason}" if parameter else reason)
        self.reason = reason
        self.parameter = parameter
