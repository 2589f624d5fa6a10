"""What threads and dialogs post to the app; screens handle it on the app's own thread."""

from textual.message import Message

from station.devices.idcard.card import CardError, IdCard
from station.devices.measurement import DeviceEvent
from sync.courier import CourierState


class ThermometerSaid(Message):
    """The thermometer's thread has a measurement, a fault, or another state of its link."""

    def __init__(self, event: DeviceEvent) -> None:
        super().__init__()
        self.event = event


class CardSaid(Message):
    """The ID card reader's thread read a card, or could not read one; the card is in memory only."""

    def __init__(self, event: IdCard | CardError) -> None:
        super().__init__()
        self.event = event


class CourierSaid(Message):
    """The courier's thread has news; the newest replaces older ones that nobody has looked at yet."""

    def __init__(self, state: CourierState) -> None:
        super().__init__()
        self.state = state

    def can_replace(self, message: Message) -> bool:
        """Say that older news of the courier are worth nothing."""
        return isinstance(message, CourierSaid)


class CodeRead(Message):
    """A scanner sent a code while a dialog was open; it belongs to the gate behind it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class JournalGrew(Message):
    """Something was recorded: the courier may have something to carry."""
