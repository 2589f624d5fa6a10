"""A whole morning at one gate: every kind of event is written with guard and shift, and the register comes of them."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from docs.sample import Morning, said
from station import corrections, issuing, restricting
from station.duty import errands, incidents, inspections, quarantine, watch
from station.duty.book import DutyBook
from station.i18n import language, set_language
from station.purging import Purge
from station.rebuilding import differences
from station.setting_rows import record
from station.unmasking import unmask
from sync.bodies import BODY_TYPES, HolderBanned, HolderUnbanned, PassageFollowed
from tests.cli.conftest import Run
from tests.screens.console import make_station
from tests.station.post import HandClock
