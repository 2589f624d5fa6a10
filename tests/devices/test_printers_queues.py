"""PDF pages through a real CUPS of this test's own, and through what stands for Windows."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from passes.errors import UsageError
from station.devices.printers import (
    CupsPrinter,
    FoundPrinter,
    PrinterError,
    WindowsPrinter,
    found,
    job,
    list_printers,
    open_printer,
)
from station.devices.printers.address import parse_address
from tests.devices.listening import wait_until

PDF = b"%PDF-1.4\n% what the queue gets is what the file holds \xe2\x82\xac\n%%EOF\n"

_CUPSD = shutil.which("cupsd", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
_FOLDERS = (Path("/usr/lib/cups/daemon"), Path("/usr/libexec/cups/daemon"), Path("/usr/lib64/cups/daemon"))
_DAEMONS = next((path for path in _FOLDERS if path.is_dir()), None)

# A backend is a program: job, user, title, copies, options, file; without arguments it says what it is.
_BACKEND = """#!/bin/sh
[ $# -eq 0 ] && { echo 'direct gatepost "Unknown" "test"'; exit 0; }
case "$DEVICE_URI" in
gatepost:/*) ;;
gatepost:broken) echo "ERROR: the cable is cut" >&2; exit 1 ;;
gatepost:quiet) exec sleep 600 ;;
gatepost:*) echo "STATE: +${DEVICE_URI#gatepost:}" >&2; echo "INFO: says the driver" >&2; exec sleep 600 ;;
esac
cat "${6:--}" > "${DEVICE_URI#gatepost:}"
echo "$3 $4 $5" > "${DEVICE_URI#gatepost:}.options"
"""

_CONFIGURATION = """Listen {folder}/cups.sock
WebInterface No
Browsing Off
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
    Allow all
  </Limit>
</Policy>
"""

_FILES = """ServerRoot {folder}
ServerBin {folder}
CacheDir {folder}/cache
RequestRoot {folder}/spool
StateDir {folder}
TempDir {folder}
AccessLog {folder}/access_log
ErrorLog {folder}/error_log
PageLog {folder}/page_log
"""


@dataclass
class Cups:
    """A running scheduler; `paper` is where the good queue writes."""

    folder: Path

    @property
    def paper(self) -> Path:
        return self.folder / "paper"

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "CUPS_SERVER": f"{self.folder}/cups.sock", "LC_ALL": "C"},
            timeout=60,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def queue(self, name: str, device: str, policy: str = "stop-printer") -> None:
        lpadmin = shutil.which("lpadmin", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin") or "lpadmin"
        options = ("-o", f"printer-error-policy={policy}")
        self.run(lpadmin, "-p", name, "-E", "-v", f"gatepost:{device}", "-m", "raw", *options)
        assert name in self.run("lpstat", "-e").split()


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Cups]:
    """Start a scheduler on a unix socket in a folder of its own."""
    if _CUPSD is None or _DAEMONS is None or shutil.which("lpstat") is None:
        pytest.skip("CUPS is not installed (packages cups-daemon and cups-client)")
    # A short path, since a unix socket's path holds 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="gp-cups-"))
    (folder / "backend").mkdir()
    backend = folder / "backend" / "gatepost"
    backend.write_text(_BACKEND)
    backend.chmod(0o700)  # which has CUPS run it as the user of the scheduler
    (folder / "daemon").symlink_to(_DAEMONS)
    (folder / "cupsd.conf").write_text(_CONFIGURATION.format(folder=folder))
    (folder / "cups-files.conf").write_text(_FILES.format(folder=folder))
    cups = Cups(folder)
    command = [_CUPSD, "-f", "-c", str(folder / "cupsd.conf"), "-s", str(folder / "cups-files.conf")]
    with (folder / "said").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            wait_until(
                lambda: process.poll() is not None or "is running" in cups.run("lpstat", "-r"),
                "the scheduler does not come up",
            )
            assert process.poll() is None, (folder / "said").read_text()
            cups.queue("Good", str(cups.paper))
            yield cups
        finally:
            process.terminate()
            process.wait(60)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cups(scheduler: Cups, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cups]:
    monkeypatch.setenv("CUPS_SERVER", f"{scheduler.folder}/cups.sock")
    yield scheduler
    scheduler.run("cancel", "-a", "-x")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a printer less time, for the tests whose printer never ends."""
    monkeypatch.setattr(job, "LIMIT_S", 2.5)


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "王小明 -o raw.pdf"
    path.write_bytes(PDF)
    return path


def opened(address: str) -> CupsPrinter:
    printer = open_printer(address)
    assert isinstance(printer, CupsPrinter)
    return printer


def failure(address: str, pdf: Path) -> str:
    with pytest.raises(PrinterError) as caught:
        opened(address).print_pdf(pdf)
    assert str(caught.value).startswith(f"{address}: ")
    return str(caught.value)


def test_the_queue_gets_the_file_in_its_true_size(cups: Cups, pdf: Path) -> None:
    opened("cups:Good").print_pdf(pdf)
    assert cups.paper.read_bytes() == PDF
    told = cups.paper.with_suffix(".options").read_text()
    assert told.startswith("gatepost 1 ")
    assert "media=A4" in told
    assert "print-scaling=none" in told


def test_options_of_the_address_reach_the_queue(cups: Cups, pdf: Path) -> None:
    opened("cups:Good?media=Custom.85.6x54mm&sides=two-sided-long-edge").print_pdf(pdf)
    told = cups.paper.with_suffix(".options").read_text()
    assert "media=Custom.85.6x54mm" in told
    assert "sides=two-sided-long-edge" in told


@pytest.mark.usefixtures("cups")
def test_a_queue_that_is_not_there_is_told_with_those_that_are(pdf: Path) -> None:
    told = failure("cups:Office", pdf)
    assert "does not exist" in told
    assert "Good" in told


def test_a_stopped_queue_prints_nothing(cups: Cups, pdf: Path) -> None:
    cups.queue("Stopped", str(cups.folder / "stopped"))
    cups.run("cupsdisable", "-r", "no toner left", "Stopped")
    told = failure("cups:Stopped", pdf)
    assert "no toner left" in told
    assert "cupsenable Stopped" in told
    assert cups.run("lpstat", "-o", "Stopped") == ""


def test_a_queue_that_takes_nothing(cups: Cups, pdf: Path) -> None:
    cups.queue("Rejecting", str(cups.folder / "rejecting"))
    cups.run("cupsreject", "Rejecting")
    assert "is not accepting jobs" in failure("cups:Rejecting", pdf)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("reason", ["media-empty-error", "connecting-to-device", "offline-report"])
def test_a_job_in_trouble_is_taken_back(cups: Cups, pdf: Path, reason: str) -> None:
    name = f"In-{reason}"
    cups.queue(name, reason)
    told = failure(f"cups:{name}", pdf)
    assert "taken back" in told
    assert reason in told
    assert "says the driver" in told
    wait_until(lambda: cups.run("lpstat", "-o", name) == "", "the job is still in the queue")


@pytest.mark.usefixtures("_impatient")
def test_a_job_that_nobody_prints_is_taken_back(cups: Cups, pdf: Path) -> None:
    """The queue waits for nothing and the job has no reason either: its driver is gone."""
    cups.queue("Gone", "/dev/null")
    backend = cups.folder / "backend" / "gatepost"
    backend.rename(cups.folder / "elsewhere")
    try:
        assert "taken back" in failure("cups:Gone", pdf)
    finally:
        (cups.folder / "elsewhere").rename(backend)
    assert cups.run("lpstat", "-o", "Gone") == ""


@pytest.mark.usefixtures("_impatient")
def test_a_job_that_only_takes_long_counts_as_printed(cups: Cups, pdf: Path) -> None:
    cups.queue("Slow", "quiet")
    opened("cups:Slow").print_pdf(pdf)
    assert cups.run("lpstat", "-o", "Slow").startswith("Slow-")


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("policy", "words"),
    [("stop-printer", "taken back"), ("abort-job", "failed on its way"), ("retry-job", "taken back")],
)
def test_a_driver_that_fails(cups: Cups, pdf: Path, policy: str, words: str) -> None:
    cups.queue(f"Broken-{policy}", "broken", policy)
    told = failure(f"cups:Broken-{policy}", pdf)
    assert words in told
    assert "the cable is cut" in told
    wait_until(lambda: cups.run("lpstat", "-o", f"Broken-{policy}") == "", "the job is still in the queue")


def test_nothing_is_printed_without_a_scheduler(pdf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("lp") is None:
        pytest.skip("CUPS is not installed (package cups-client)")
    monkeypatch.setenv("CUPS_SERVER", f"{tmp_path}/cups.sock")
    assert "CUPS did not take the pass" in failure("cups:Good", pdf)


def test_cups_that_is_not_installed_is_told(pdf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install CUPS" in failure("cups:Good", pdf)
    assert not [one for one in list_printers() if one.address.startswith("cups:")]


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    for printer in (opened("cups:Good"), WindowsPrinter(parse_address("windows:Office"), print)):
        with pytest.raises(UsageError, match="no such file"):
            printer.print_pdf(tmp_path / "pass.pdf")


@pytest.mark.usefixtures("cups")
def test_queues_are_found() -> None:
    assert FoundPrinter("cups:Good", "CUPS") in list_printers()


def test_ports_and_device_files_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools.list_ports_common import ListPortInfo

    port = ListPortInfo("COM7")
    port.description = "USB-SERIAL\x1b[2J CH340"
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port])
    monkeypatch.setattr(found, "_DEVICE_FILES", tmp_path)
    (tmp_path / "lp0").touch()
    listed = list_printers()
    assert FoundPrinter(f"escpos:file:{tmp_path}/lp0", "USB") in listed
    assert FoundPrinter("escpos:serial:COM7?baud=9600", "USB-SERIAL\ufffd[2J CH340") in listed
    for one in listed:
        open_printer(one.address)


def test_windows_is_asked_to_print_on_the_printer(pdf: Path) -> None:
    asked: list[tuple[str, str, str]] = []
    address = parse_address("windows:HP LaserJet (二楼)")
    WindowsPrinter(address, lambda *words: asked.append(words)).print_pdf(pdf)
    assert asked == [(str(pdf), "printto", '"HP LaserJet (二楼)"')]


def test_windows_without_a_program_for_pdf(pdf: Path) -> None:
    def start_file(*_: str) -> None:
        raise OSError(1155, "No application is associated with the specified file")

    with pytest.raises(PrinterError, match="install a program that prints PDF") as caught:
        WindowsPrinter(parse_address("windows:Office"), start_file).print_pdf(pdf)
    assert "No application" in str(caught.value)


@pytest.mark.skipif(hasattr(os, "startfile"), reason="this is Windows")
def test_windows_printers_are_on_windows(pdf: Path) -> None:
    printer = open_printer("windows:Office")
    assert isinstance(printer, WindowsPrinter)
    with pytest.raises(PrinterError, match="exist on Windows only"):
        printer.print_pdf(pdf)
