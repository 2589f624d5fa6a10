"""The supplies screen: what is there, what came in, went out and was counted."""

from collections.abc import Hashable, Sequence
from typing import Literal

from passes.errors import N_
from station.dialogs.matter_form import Line
from station.duty import supplies
from station.duty.supplies import Move
from station.i18n import _
from station.screens.duty.base import DutyScreen, Values
from station.widgets.paged_list import Column, ListRow
from sync.duty_bodies import SUPPLY_SOURCES
from sync.duty_words import CHANGES, SOURCES


class SuppliesScreen(DutyScreen):
    """The stock of this post, or after F4 every move, the newest first."""

    NAME = "supplies"
    EMPTY = N_("No supplies yet. F5 = write down what came in")

    def columns(self) -> Sequence[Column]:
        """Return columns that serve both lists."""
        return [
            Column(_("Article")),
            Column(_("Quantity"), 12),
            Column(_("Low below / what"), 16),
            Column(_("When"), 11),
        ]

    def rows(self, wanted: str, after: Hashable | None, limit: int) -> Sequence[ListRow]:  # noqa: ARG002 - nothing is typed here
        """Return the stock behind an article, or the moves behind a number."""
        if self.shows_all:
            behind = after if isinstance(after, int) else None
            return [
                ListRow(
                    matter.n,
                    (body.item, f"{body.quantity:g} {body.unit}", _(CHANGES[body.change]), self.at(matter.at_ms)),
                )
                for matter in self.book.page("supplies", behind=behind, limit=limit)
                for body in [matter.body]
            ]
        found = sorted(supplies.stocks(self.book).values(), key=lambda stock: stock.item)
        rows = []
        for stock in found:
            if after is None or stock.item > str(after):
                low = "" if stock.low is None else f"{stock.low:g}"
                low = _("LOW: below {low}").format(low=low) if stock.is_low else low
                cells = (stock.item, f"{stock.quantity:g} {stock.unit}", low, "")
                rows.append(ListRow(stock.item, cells, is_loud=stock.is_low))
        return rows[:limit]

    def action_add(self) -> None:
        """Write down what came in."""
        self._ask_move("stock_in", _("Came in"), ("unit", "low", "source", "spec", "batch", "expiry", "remark"))

    def action_handle(self) -> None:
        """Write down what was given out."""
        self._ask_move("issue", _("Given out"), ("issued_to", "approved_by", "remark"))

    def action_close(self) -> None:
        """Write down what was counted."""
        self._ask_move("count", _("Counted"), ("unit", "low", "remark"))

    def _ask_move(self, change: Literal["stock_in", "issue", "count"], title: str, asked: tuple[str, ...]) -> None:
        row = self.list.marked
        item = row.cells[0] if row else ""

        def lines(values: Values) -> list[Line]:
            return _lines(("item", "quantity", *asked), {"item": item, **values})

        def record(values: Values) -> None:
            source = next((code for code in SUPPLY_SOURCES if code == values.get("source")), None)
            texts = {name: text for name, text in values.items() if name != "source"}
            supplies.record(self.book, Move(change, source=source, **texts))

        self.fill_in(title, lines, record, _("Recorded"))


def _lines(asked: Sequence[str], values: Values) -> list[Line]:
    labels = {
        "item": _("Article"),
        "quantity": _("Quantity"),
        "unit": _("Unit"),
        "low": _("Low below"),
        "source": _("Source"),
        "spec": _("Spec"),
        "batch": _("Batch"),
        "expiry": _("Use before"),
        "issued_to": _("To whom"),
        "approved_by": _("Approved by"),
        "remark": _("Remark"),
    }
    sources = (("", _("not said")), *((code, _(words)) for code, words in SOURCES.items()))
    return [
        Line(name, labels[name], values.get(name, ""), choices=sources if name == "source" else ()) for name in asked
    ]
