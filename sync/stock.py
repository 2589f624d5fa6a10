"""Stock: what is there of each supply, told from what came in, went out and was counted."""

from collections.abc import Iterable
from dataclasses import dataclass

from sync.duty_bodies import SuppliesCounted


@dataclass(frozen=True, slots=True)
class Stock:
    """What is there of one supply; below `low` there is too little, None where nobody said so."""

    item: str
    unit: str
    quantity: float
    low: float | None = None

    @property
    def is_low(self) -> bool:
        """Say whether there is too little."""
        return self.low is not None and self.quantity < self.low


def moved(before: Stock | None, move: SuppliesCounted) -> Stock:
    """Return the stock of an item after a move.

    A count says what is there, whatever was known before. More given out than was there leaves nothing.
    """
    had, low = (before.quantity, before.low) if before else (0.0, None)
    if move.change == "count":
        has = move.quantity
    else:
        has = had + move.quantity if move.change == "stock_in" else max(had - move.quantity, 0.0)
    # Sums of tenths must not grow digits that nobody wrote.
    return Stock(move.item, move.unit, round(has, 3), low if move.low is None else move.low)


def stock_of(moves: Iterable[SuppliesCounted]) -> dict[str, Stock]:
    """Return the stock of each item after these moves, in their order."""
    stocks: dict[str, Stock] = {}
    for move in moves:
        stocks[move.item] = moved(stocks.get(move.item), move)
    return stocks
