"""The shift's screen: taking up duty; the hand-over with everything still to do, the goods, and both who sign."""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.access import Member, Role
from station.clock import local_time
from station.dialogs.matter_form import Line, yes_no
from station.duty.handover import Count, HandOver, hand_over
from station.duty.outstanding import WORDS, Outstanding, outstanding
from station.duty.supplies import stocks
from station.i18n import _
from station.logbook import shift_counts
from station.screens.duty.base import DutyScreen, Values
from station.screens.proving import ask_pin
from station.screens.work import Host
from station.shifts import ShiftLine, Signed, open_shift, shift_lines, signed_by
from station.widgets.paged_list import Column, ListRow
from sync.stock import Stock

_TICKS = {None: "[ ]", False: N_("[>] handed"), True: N_("[x] closed")}


class ShiftScreen(DutyScreen):
    """What has to be ticked before the shift is handed over; without a shift on duty, the shifts before."""

    NAME = "shift"
    EMPTY = N_("Nothing is left to do and there are no goods. F10 = sign, or take up duty")

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        self._ticks: dict[str, bool] = {}
        self._goods: dict[str, Count] = {}

    def columns(self) -> Sequence[Column]:
        """Return the columns."""
        return [Column(_("State"), 11), Column(_("What"), 12), Column(_("About"))]

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - nothing is typed here
        """Return the matters and goods behind one; all of them are read, since all have to be ticked."""
        if self.station.register.current_shift() is None:
            found = [self._shift_row(line) for line in shift_lines(self.book.connection, 200)]
        else:
            found = [
                *(self._matter_row(one) for one in outstanding(self.book)),
                *(self._goods_row(stock) for stock in stocks(self.book).values()),
            ]
        keys = [row.key for row in found]
        start = keys.index(after) + 1 if after in keys else 0
        return found[start : start + limit]

    def show(self) -> None:
        """Show who is on duty and what the shift counted, then the rows."""
        super().show()
        current = self.station.register.current_shift()
        if current is None:
            self.title_is(_("Nobody is on duty: F10 = take up duty"))
            return
        counts = _("out {exits}, in {entries}, refused {refused}, turned back {turned_back}, fevers {fevers}")
        told = counts.format(**shift_counts(self.book.connection, current.id))
        self.title_is(f"{self.at(current.opened_ms)}  {told}")

    def action_tick(self) -> None:
        """Tick the marked line as handed over, then as closed; count goods."""
        row = self.list.marked
        if row is None or not isinstance(row.key, tuple):
            return
        kind, name = row.key
        if kind == "goods":
            self._count(name)
            return
        one = next((one for one in outstanding(self.book) if one.key == name), None)
        if one:
            is_closed = self._ticks.get(name)
            if is_closed is False and one.may_be_closed:
                self._ticks[name] = True
            elif is_closed is True:
                del self._ticks[name]
            else:
                self._ticks[name] = False
        self.show()

    def action_open(self) -> None:
        """Do for the mouse what Enter does."""
        self.action_tick()

    def action_tick_all(self) -> None:
        """Hand over everything that was not ticked yet, and take the goods as they are expected."""
        for one in outstanding(self.book):
            self._ticks.setdefault(one.key, False)
        for stock in stocks(self.book).values():
            self._goods.setdefault(stock.item, Count(f"{stock.quantity:g}"))
        self.show()

    def action_sign(self) -> None:
        """Ask who takes over and let both sign, or ask who takes up duty."""
        if self.station.register.current_shift() is None:
            self.fill_in(_("Take up duty"), _opening_lines, self._open, "")
            return
        missing = [one.text for one in outstanding(self.book) if one.key not in self._ticks]
        missing += [stock.item for stock in stocks(self.book).values() if stock.item not in self._goods]
        if missing:
            told = _("{count} lines are not ticked yet, such as: {text}   Enter = tick, F4 = all")
            self.hint(told.format(count=len(missing), text=plain(missing[0], 30)))
            self.app.bell()
            return
        self.fill_in(_("Hand the shift over"), _closing_lines, self._hand_over, "")

    def action_slip(self) -> None:
        """Write the last hand-over as a PDF into the station's folder."""
        from passes.paper import write_whole
        from station.duty.slip import draw_pdf, words_of

        with self.told():
            ended = next((line for line in shift_lines(self.book.connection, 2) if line.handed_over), None)
            if ended is None:
                raise UsageError(N_("no shift was handed over yet, so there is nothing to print"))
            path = (
                self.station.folder
                / f"hand-over-{local_time(ended.handed_over_ms or 0, self.book.zone):%Y%m%d-%H%M}.pdf"
            )
            write_whole(path, draw_pdf(words_of(ended, self.station.settings.station.name, self.book.zone)))
            self.hint(_("Written: {path}").format(path=path.name))

    def _count(self, item: str) -> None:
        def lines(values: Values) -> list[Line]:
            before = self._goods.get(item, Count(""))
            return [
                Line("quantity", _("Counted"), values.get("quantity", before.quantity)),
                Line("why", _("Why another number"), values.get("why", before.why)),
            ]

        def keep(values: Values) -> None:
            self._goods[item] = Count(values["quantity"], values["why"])

        self.fill_in(item, lines, keep, "")

    def _open(self, values: Values) -> None:
        due_ms, guards = self._due_ms(values["due"]), _names(values["guards"])

        def take_up(guards: list[str], signed: Signed) -> None:
            station = self.station
            open_shift(
                *(station.journal, station.register, station.clock, guards, values["lead"]),
                protected=bool(values["protected"]),
                due_ms=due_ms,
                late_reason=values["late_reason"],
                signed=signed,
            )
            self.hint(_("On duty"))

        if self.station.access.provers(Role.GUARD):
            title = _("Whoever takes up duty signs")
            self._sign(title, lambda member: take_up(signed_by(member.name, guards), "pin"))
        else:
            take_up(guards, "name")

    def _due_ms(self, typed: str) -> int | None:
        """Return the instant of a time of day that lies nearest to now."""
        text = unicodedata.normalize("NFKC", typed)
        if not text:
            return None
        if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", text):
            raise UsageError(N_('"{typed}" is no time of day; write one like 08:00'), typed=typed)
        now = local_time(self.book.clock.now_ms(), self.book.zone)
        moment = time.fromisoformat(text.rjust(5, "0"))
        days = [datetime.combine(now.date() + timedelta(days=by), moment, self.book.zone) for by in (-1, 0, 1)]
        return int(min(days, key=lambda day: abs(day - now)).timestamp() * 1000)

    def _hand_over(self, values: Values) -> None:
        agreed = HandOver(
            incoming=_names(values["incoming"]),
            lead=values["lead"],
            abnormal=values["abnormal"],
            outstanding=values["outstanding"],
            closed=self._ticks,
            goods=self._goods,
            protected=bool(values["protected"]),
            unmanned=bool(values["unmanned"]),
        )
        if self.station.access.provers(Role.GUARD):
            self._sign(_("The outgoing guard signs"), lambda member: self._outgoing_signed(agreed, member))
        else:
            self._finish(agreed)

    def _sign(self, title: str, signed: Callable[[Member], None]) -> None:
        ask_pin(self.app, self.station, title, Role.GUARD, self.told, signed)

    def _outgoing_signed(self, agreed: HandOver, outgoing: Member) -> None:
        agreed = replace(agreed, outgoing=outgoing.name, outgoing_signed="pin")
        if agreed.unmanned:
            self._finish(agreed)
        else:
            self._sign(_("The incoming guard signs"), lambda member: self._incoming_signed(agreed, member))

    def _incoming_signed(self, agreed: HandOver, incoming: Member) -> None:
        guards = signed_by(incoming.name, list(agreed.incoming))
        self._finish(replace(agreed, incoming=guards, incoming_signed="pin"))

    def _finish(self, agreed: HandOver) -> None:
        hand_over(self.book, agreed)
        self._ticks, self._goods = {}, {}
        self.list.restart()
        self.hint(_("Handed over. F6 = print it"))

    def _matter_row(self, one: Outstanding) -> ListRow:
        tick = self._ticks.get(one.key)
        return ListRow(("matter", one.key), (_(_TICKS[tick]), _(WORDS[one.what]), one.text), is_loud=tick is None)

    def _goods_row(self, stock: Stock) -> ListRow:
        count = self._goods.get(stock.item)
        cells = (
            count.quantity if count else "[ ]",
            stock.item,
            f"{stock.quantity:g} {stock.unit} {count.why if count else ''}",
        )
        return ListRow(("goods", stock.item), cells, is_loud=count is None)

    def _shift_row(self, line: ShiftLine) -> ListRow:
        told = [", ".join(line.opened.guards)]
        if line.late_ms:
            told.append(_("{minutes} min late").format(minutes=line.late_ms // 60_000))
        if line.gap_ms:
            told.append(_("UNMANNED {minutes} min before").format(minutes=line.gap_ms // 60_000))
        ended = self.at(line.handed_over_ms) if line.handed_over_ms is not None else "-"
        return ListRow(line.id, (self.at(line.opened_ms), ended, "  ".join(told)), is_loud=bool(line.gap_ms))


def _names(typed: str) -> list[str]:
    # A blank stands between two Chinese names, but within one in Latin letters.
    found = re.split(r"[,，、;；]|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", typed)
    return [name.strip() for name in found if name.strip()]


def _opening_lines(values: Values) -> list[Line]:
    return [
        Line("guards", _("On duty (names)"), values.get("guards", "")),
        Line("lead", _("Lead on duty"), values.get("lead", "")),
        yes_no("protected", _("Mask, gloves worn"), value=bool(values.get("protected", "yes"))),
        Line("due", _("Was to begin at"), values.get("due", "")),
        Line("late_reason", _("If late, why"), values.get("late_reason", "")),
    ]


def _closing_lines(values: Values) -> list[Line]:
    return [
        Line("incoming", _("Takes over (names)"), values.get("incoming", "")),
        Line("lead", _("Lead on duty"), values.get("lead", "")),
        Line("abnormal", _("Out of the ordinary"), values.get("abnormal", "")),
        Line("outstanding", _("Still to do"), values.get("outstanding", "")),
        yes_no("protected", _("Mask, gloves worn"), value=bool(values.get("protected", "yes"))),
        yes_no("unmanned", _("Nobody takes over"), value=bool(values.get("unmanned"))),
    ]
