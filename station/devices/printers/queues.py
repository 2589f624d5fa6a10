"""PDF pages through the printing system of the machine: CUPS, or what Windows has for PDF files."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.devices.printers.address import Address
from station.devices.printers.job import NO_ANSWER, Deadline, PrinterError, run

_POLL_S: Final = 0.15
_CANCEL_S: Final = 0.8
"""Seconds of the deadline that are kept for taking a job back."""

# State reasons of RFC 8011, section 5.4.12, and of CUPS, each with or without its severity at the end.
_TROUBLES: Final = frozenset(
    [
        "connecting-to-device",
        "cover-open",
        "door-open",
        "interlock-open",
        "marker-supply-empty",
        "media-empty",
        "media-jam",
        "media-needed",
        "offline",
        "output-area-full",
        "paused",
        "resources-are-not-ready",
        "printer-stopped",
        "shutdown",
        "stopped",
        "timed-out",
        "toner-empty",
    ]
)
_SEVERITY: Final = re.compile(r"-(?:error|warning|report)$")
_FINISHED: Final = frozenset({"job-completed-successfully", "job-completed-with-warnings"})
_REQUEST: Final = re.compile(r"request id is (\S+-[0-9]+) ")

_NO_FILE = N_("{path}: no such file; draw the pass into a PDF file first")
_NO_CUPS = N_("{printer}: the program {program} is missing; install CUPS (package cups-client)")
_NOT_TAKEN = N_("{printer}: CUPS did not take the pass ({error}); these queues exist: {queues}")
_STOPPED = N_("{printer}: the queue is stopped ({error}); see to the printer, then run: cupsenable {queue}")
_TAKEN_BACK = N_("{printer}: not printed and taken back ({error}); see to the printer, then print again")
_LEFT_THERE = N_("{printer}: not printed ({error}) but still in the queue; run: cancel {job}")
_FAILED = N_("{printer}: the pass failed on its way ({error}); see to the printer, then print again")
_NO_WINDOWS = N_("{printer}: such printers exist on Windows only; here write one like cups:QUEUE")
_NO_VERB = N_(
    "{printer}: Windows did not print it ({error}); check the printer's name, and install a program that prints PDF"
)


class CupsPrinter:
    """A CUPS queue, spoken to by the programs that come with CUPS; the environment's CUPS_SERVER is obeyed."""

    takes: Final[Literal["pdf"]] = "pdf"

    def __init__(self, address: Address) -> None:
        self.address = address.text
        self._queue = address.target
        self._options = {"media": "A4", "print-scaling": "none", **address.options}

    def print_pdf(self, path: Path) -> None:
        """Print the PDF file at `path` in its true size and return when the job has left the queue without an error.

        Near the end of `LIMIT_S`, a job counts as printed too when its queue is at work and tells of no trouble: sheets
        take longer than that. How far the printer was with the paper is known only as its driver tells CUPS. A job in
        trouble is taken back. Raises PrinterError, and UsageError when there is no such file.
        """
        _check(path)
        deadline = Deadline()
        try:
            self._check_queue(deadline)
            job = self._submit(path, deadline)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise PrinterError(NO_ANSWER, printer=self.address) from None
        except FileNotFoundError as error:
            raise PrinterError(_NO_CUPS, printer=self.address, program=error.filename) from error
        try:
            self._follow(job, deadline)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise PrinterError(_LEFT_THERE, printer=self.address, error="timeout", job=job) from None

    def _check_queue(self, deadline: Deadline) -> None:
        printer = self._printer(deadline)
        if " disabled since " in printer.head:
            raise PrinterError(_STOPPED, printer=self.address, error=printer.message, queue=self._queue)

    def _submit(self, path: Path, deadline: Deadline) -> str:
        options = [word for name, value in self._options.items() for word in ("-o", f"{name}={value}")]
        # Everybody who looks at the queue sees the title, so it is not the file's name.
        done = _run("lp", "-d", self._queue, "-t", "gatepost", *options, "--", str(path.resolve()), deadline=deadline)
        request = _REQUEST.search(done.stdout)
        if done.returncode or request is None:
            error = plain(" ".join(done.stderr.split()))
            queues = _run("lpstat", "-e", deadline=deadline).stdout.split()
            raise PrinterError(_NOT_TAKEN, printer=self.address, error=error, queues=", ".join(queues) or "-")
        return request[1]

    def _follow(self, job: str, deadline: Deadline) -> None:
        while (active := self._job(job, deadline)).head:
            if deadline.left_s() < _CANCEL_S:
                self._check_progress(job, active, deadline)
                return
            time.sleep(_POLL_S)
        ended = self._job(job, deadline, "-W", "completed")
        # Before release 2.4.7, CUPS gave this reason for every job that ended, and kept the message of a failed one.
        is_well = ended.reasons & _FINISHED or (ended.reasons == {"processing-to-stop-point"} and not ended.message)
        if ended.head and not is_well:
            error = ended.message or ", ".join(sorted(ended.reasons))
            raise PrinterError(_FAILED, printer=self.address, error=error)

    def _check_progress(self, job: str, active: "_Report", deadline: Deadline) -> None:
        printer = self._printer(deadline)
        reasons = active.reasons | printer.reasons
        troubles = {reason for reason in reasons if _SEVERITY.sub("", reason) in _TROUBLES or reason.endswith("-error")}
        # Where nothing is being printed, a job that waits was stopped or held, whatever its reasons say.
        if troubles or (printer.head and " now printing " not in printer.head):
            error = ", ".join(filter(None, [printer.message, *sorted(troubles)])) or "job stopped"
            is_back = _run("cancel", job, deadline=deadline).returncode == 0
            raise PrinterError(_TAKEN_BACK if is_back else _LEFT_THERE, printer=self.address, error=error, job=job)

    def _printer(self, deadline: Deadline) -> "_Report":
        text = _run("lpstat", "-l", "-p", self._queue, deadline=deadline).stdout
        return _Report(text, f"printer {self._queue} ")

    def _job(self, job: str, deadline: Deadline, *which: str) -> "_Report":
        text = _run("lpstat", *which, "-l", "-o", self._queue, deadline=deadline).stdout
        return _Report(text, f"{job} ")


class _Report:
    """What `lpstat -l` says of one job or printer, in the C locale: a line at the margin, and indented ones below.

    `head` is that line, empty when there is none that begins with `start`; `message` is in the driver's own words.
    """

    def __init__(self, text: str, start: str) -> None:
        lines = text.splitlines()
        first = next((number for number, line in enumerate(lines) if line.startswith(start)), len(lines))
        self.head = lines[first] if first < len(lines) else ""
        self.message = ""
        self.reasons: frozenset[str] = frozenset()
        for number, line in enumerate(lines[first + 1 :]):
            name, colon, value = line.strip().partition(":")
            if not line[:1].isspace():
                break
            if colon and name == "Alerts":
                self.reasons = frozenset(value.split())
            elif colon and name == "Status":
                self.message = plain(value.strip())
            elif number == 0 and name != "Form mounted":
                self.message = plain(line.strip())


class WindowsPrinter:
    """A printer as Windows names it, by way of the program that Windows has for PDF files.

    `start_file` has the signature of `os.startfile`, which is taken where it exists.
    """

    takes: Final[Literal["pdf"]] = "pdf"

    def __init__(self, address: Address, start_file: Callable[[str, str, str], None] | None = None) -> None:
        self.address = address.text
        self._name = address.target
        self._start_file = start_file or getattr(os, "startfile", None)

    def print_pdf(self, path: Path) -> None:
        """Hand the PDF file at `path` to the program that prints such files, for this printer.

        All that is known then is that Windows found a program and started it; neither the program nor Windows tells
        what became of the paper. Raises PrinterError, and UsageError when there is no such file.
        """
        start_file = self._start_file
        if start_file is None:
            raise PrinterError(_NO_WINDOWS, printer=self.address)
        _check(path)

        def work() -> PrinterError | None:
            try:
                start_file(str(path.resolve()), "printto", f'"{self._name}"')
            except OSError as error:
                return PrinterError(_NO_VERB, printer=self.address, error=plain(error.strerror or str(error)))
            return None

        try:
            failure = run(work, Deadline())
        except TimeoutError:
            failure = PrinterError(NO_ANSWER, printer=self.address)
        if failure is not None:
            raise failure


def _check(path: Path) -> None:
    if not path.is_file():
        raise UsageError(_NO_FILE, path=path)


def _run(*command: str, deadline: Deadline) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=deadline.left_s(),
    )
