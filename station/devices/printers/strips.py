"""Strips for thermal printers: the whole pass as one bitmap, in ESC/POS made by python-escpos."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.strip import WIDTH_DOTS
from station.devices.printers.job import LIMIT_S, NO_ANSWER, Deadline, PrinterError, run
from station.devices.printers.wires import WIRE_ERRORS, Condition, Wire

if TYPE_CHECKING:
    from PIL import Image

ANSWER_S: Final = 1.0
"""A printer that can tell its state does so at once; one that has not after this is taken for one that cannot."""

_TOO_WIDE = N_(
    "{printer}: the strip is {width} dots wide and the paper takes {dots}; write ?width=80 or draw for 58 mm"
)
_UNREACHABLE = N_("{printer}: cannot be reached ({error}); switch it on and check its cable, then print again")
_DENIED = N_("{printer}: this user may not use it; run: sudo usermod -aG lp,dialout $USER, then sign out and in again")
_PAPER_OUT = N_("{printer}: out of paper; put in a new roll, then print again")
_OFF_LINE = N_("{printer}: off line; close its cover, look for a paper jam, then print again")
_CANNOT_ASK = N_(
    "{printer}: does not answer; switch it on, check cable and baud rate, or write status=no for one that cannot answer"
)
_BROKE_OFF = N_(
    "{printer}: stopped in the middle of a pass ({error}); see to paper and cover, switch it off and on,"
    " then print again"
)
_UNCONFIRMED = N_(
    "{printer}: took the pass and did not confirm it within {seconds:.0f} s; look whether it came out,"
    " before you print again"
)
_STATUS_QUESTION: Final = re.compile(rb"\x10\x04[\x01-\x04]")
_TROUBLES: Final = {Condition.PAPER_OUT: _PAPER_OUT, Condition.OFF_LINE: _OFF_LINE}


class StripPrinter:
    """An ESC/POS printer for rolls of `width_mm`; `open_wire` connects to it.

    `takes`, `width_mm` and `width_dots` say what to draw: black on white, at most so many dots wide.
    """

    takes: Final[Literal["strip"]] = "strip"

    def __init__(self, address: str, width_mm: Literal[58, 80], open_wire: Callable[[Deadline], Wire]) -> None:
        self.address = address
        self.width_mm = width_mm
        self.width_dots = WIDTH_DOTS[width_mm]
        self._open_wire = open_wire

    def print_strips(self, images: Sequence["Image.Image"]) -> None:
        """Print each image as one strip, and cut it off where there is a knife.

        When it returns, the printer has told after each strip that it has received it and has paper; where it cannot
        tell, it has taken every byte: a network printer closed the connection in good order, a USB printer took the
        last transfer, and a serial line with `status=no` or a file was only written to. No printer tells that a strip
        can be read. Trouble costs `LIMIT_S` at most, counted from the last strip that came out; on a serial line, the
        time in which bytes move is not counted.
        Raises PrinterError, whose `printed` counts the strips that came out; UsageError for an image that is too wide.
        """
        for image in images:
            if image.width > self.width_dots:
                raise UsageError(_TOO_WIDE, printer=self.address, width=image.width, dots=self.width_dots)
        deadline = Deadline()
        job = _Job(self.address, self.width_dots, images, self._open_wire, deadline)
        try:
            failure = run(job.run, deadline)
        except TimeoutError as error:
            failure = job.failure(error)
        if failure is not None:
            failure.printed = job.printed
            raise failure


class _Job:
    """One call of `print_strips`, on the worker's thread; who waits reads `printed` when it is over."""

    def __init__(
        self,
        address: str,
        width_dots: int,
        images: Sequence["Image.Image"],
        open_wire: Callable[[Deadline], Wire],
        deadline: Deadline,
    ) -> None:
        self.printed = 0
        self._address = address
        self._width_dots = width_dots
        self._images = images
        self._open_wire = open_wire
        self._deadline = deadline
        self._stage: Literal["opening", "sending", "confirming"] = "opening"

    def run(self) -> PrinterError | None:
        """Print, and return what went wrong."""
        try:
            wire = self._open_wire(self._deadline)
            try:
                self._print(wire)
            finally:
                wire.close(is_done=self.printed == len(self._images))
        except PrinterError as error:
            return error
        except WIRE_ERRORS as error:
            return self.failure(error)
        return None

    def failure(self, error: Exception) -> PrinterError:
        """Return what `error` means at this stage of the job."""
        number = getattr(error, "errno", None)
        is_timeout = isinstance(error, TimeoutError) or number == errno.ETIMEDOUT
        words = "timeout" if is_timeout else plain(_words(error))
        if self._stage == "confirming":
            sentence = _UNCONFIRMED
        elif self._stage == "sending":
            sentence = _BROKE_OFF
        elif number in {errno.EACCES, errno.EPERM}:
            sentence = _DENIED
        else:
            sentence = NO_ANSWER if is_timeout else _UNREACHABLE
        return PrinterError(sentence, printer=self._address, error=words, seconds=LIMIT_S)

    def _print(self, wire: Wire) -> None:
        can_tell = self._is_telling(wire)
        for image in self._images:
            left_s = self._deadline.left_s()
            data = _escpos(image, self._width_dots)
            self._stage = "sending"
            wire.send(data, self._deadline)
            self._stage = "confirming"
            if can_tell:
                strays = len(_STATUS_QUESTION.findall(data))
                self._check(wire.condition(self._deadline, self._deadline.left_s(), strays))
                self.printed += 1
                self._deadline.restart()
            else:
                # Taken is not printed yet: no new time, but the time in which it moved does not count.
                self._deadline.restart(left_s)
        if not can_tell:
            wire.settle(self._deadline)
            self.printed = len(self._images)

    def _is_telling(self, wire: Wire) -> bool:
        condition = wire.condition(self._deadline, ANSWER_S)
        if condition is not Condition.SILENT:
            self._check(condition)
            return True
        if wire.has_to_answer:
            raise PrinterError(_CANNOT_ASK, printer=self._address)
        return False

    def _check(self, condition: Condition) -> None:
        if condition is Condition.SILENT:
            raise TimeoutError
        if condition in _TROUBLES:
            raise PrinterError(_TROUBLES[condition], printer=self._address)


def _words(error: Exception) -> str:
    """Return the system's own words: OSError and termios.error carry them second."""
    return str(error.args[1] if len(error.args) > 1 else error)


def _escpos(image: "Image.Image", width_dots: int) -> bytes:
    composer = _composer(width_dots)
    composer.hw("INIT")
    composer.image(image, impl="bitImageRaster")
    composer.cut()
    return bytes(composer.output)


def _composer(width_dots: int) -> Any:
    """Return python-escpos' language without its ways to a printer, which know no deadline and import every driver."""
    from escpos import capabilities
    from escpos.escpos import Escpos

    class Composer(Escpos):  # type: ignore[misc]  # the library is not typed
        def __init__(self, profile: capabilities.Profile) -> None:
            super().__init__(profile)
            self.output = bytearray()

        def _raw(self, msg: bytes) -> None:
            self.output += msg

    # The library leaves a folder with a cache of its own behind in each process.
    if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
        shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)
    profile = capabilities.Profile(features={"paperFullCut": True})
    # Without a width, the library prints a complaint to standard output.
    profile.profile_data = {**profile.profile_data, "media": {"width": {"pixels": width_dots}}}
    return Composer(profile)
