"""What an operator's means cost, and the purse they are paid from.

Figures are US dollars of 2026. What is published is cited; the rest are assumptions that err on
the operator's side: where a range is known the cheaper end is taken, and stock is always there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

_MICRO = 1_000_000


@dataclass(frozen=True)
class Prices:
    """A price list, in US dollars each.

    `account`: a code by SMS costs 0.26 in the United States and about 0.50 as a rule (Cambridge
    Online Trust and Safety Index, https://cotsi.org/methodology, 2025); a mailbox, a solver of
    puzzles and a share of failures are assumed to make it 1.50. `card`: a virtual payment card,
    assumed. `address`: a static consumer address for a month, assumed from sellers' lists (2 to
    5). `hosted`: an address of a hosting provider for a month, assumed. `tenancy`: an account with
    a cloud that resells the model, with its billing set up, assumed. `answer`: some 1,000 tokens
    out and 200 in at 15 and 3 a million, the list price of a middle model. `rewording`: the same
    words out and in of a small model at a fortieth of that. `customer`: what an exchange of a
    customer costs more than the customer, who pays half the list price, pays. `upkeep`: programs,
    machines and attention, an account a day, assumed.
    """

    account: float = 1.50
    card: float = 3.00
    address: float = 3.00
    hosted: float = 0.50
    tenancy: float = 10.00
    answer: float = 0.0156
    rewording: float = 0.0004
    customer: float = 0.0078
    upkeep: float = 0.05


class Purse:
    """Money that can be spent once. What can't be paid isn't bought."""

    def __init__(self, dollars: float) -> None:
        self._left = round(dollars * _MICRO)
        self._spent: Counter[str] = Counter()

    @property
    def left(self) -> float:
        """Dollars that are left."""
        return self._left / _MICRO

    @property
    def spent(self) -> dict[str, float]:
        """Dollars spent, by item."""
        return {item: micro / _MICRO for item, micro in sorted(self._spent.items())}

    @property
    def total(self) -> float:
        """Dollars spent in all."""
        return sum(self._spent.values()) / _MICRO

    def pay(self, bill: dict[str, float]) -> bool:
        """Pay all of a bill (dollars by item), or nothing where the money doesn't reach.

        >>> purse = Purse(2.0)
        >>> purse.pay({"account": 1.5}), purse.pay({"card": 1.0}), purse.left
        (True, False, 0.5)
        """
        micro = {item: round(dollars * _MICRO) for item, dollars in bill.items()}
        if any(amount < 0 for amount in micro.values()):
            raise ValueError(f"{bill}: a bill takes money")
        if sum(micro.values()) > self._left:
            return False
        self._left -= sum(micro.values())
        self._spent.update({item: amount for item, amount in micro.items() if amount})
        return True
