"""What threads and dialogs post to the app; screens handle it on the app's own thread."""

from typing import TYPE_CHECKING

from textual.message import Message

from passes.trips import Direction
from station.devices.manager import DeviceState
from station.devices.measurement import Fault, Measurement

if TYPE_CHECKING:
    from station.devices.idcard.card import CardError, IdCard
    from sync.courier import CourierState


class ThermometerSaid(Message, bubble=False):
    """The thermometer's thread has a measurement or a fault."""

    def __init__(self, event: Measurement | Fault) -> None:
        super().__init__()
        self.event = event


class ScannerSaid(Message):
    """A serial scanner read a code; `direction` is what its place tells, if anything."""

    def __init__(self, code: str, direction: Direction | None) -> None:
        super().__init__()
        self.code = code
        self.direction = direction


class CardSaid(Message):
    """The ID card reader's thread read a card, or could not read one; the card is in memory only."""

    def __init__(self, event: "IdCard | CardError") -> None:
        super().__init__()
        self.event = event


class DeviceSaid(Message):
    """A device fares differently from before."""

    def __init__(self, state: DeviceState) -> None:
        super().__init__()
        self.state = state


class CourierSaid(Message):
    """The courier's thread has news; the newest replaces older ones that nobody has looked at yet."""

    def __init__(self, state: "CourierState") -> None:
        super().__init__()
        self.state = state

    def can_replace(self, message: Message) -> bool:
        """Say that older news of the courier are worth nothing."""
        return isinstance(message, CourierSaid)


class CodeRead(Message):
    """A pass was scanned into a field that is not for it; it belongs to the gate."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class JournalGrew(Message):
    """Something was recorded: the courier may have something to carry."""


class ScreenWanted(Message):
    """The guard wants another screen, of this name in `station.screens.catalogue`; without one, the menu of them."""

    def __init__(self, screen: str = "") -> None:
        super().__init__()
        self.screen = screen
