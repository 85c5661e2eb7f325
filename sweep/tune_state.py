"""What Ray Tune keeps of the objects that it is given."""


class NotKept:
    """Keeps Tune from saving an object, as nothing of Tune's is ever restored here, and much cannot be saved."""

    def __getstate__(self) -> dict[str, object]:
        return {}
