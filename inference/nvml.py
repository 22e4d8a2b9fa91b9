"""Joules of NVIDIA's cards, from the driver's own library, where there is one."""

import ctypes
import time
from typing import Literal

LIBRARY = "libnvidia-ml.so.1"


class Nvml:
    """All cards that the driver shows. Older ones tell their watts alone: times the seconds between looks."""

    name: Literal["rapl", "nvml"] = "nvml"
    #: Others may compute on the same cards: the driver does not say how much of it is whose.
    shared = False

    def __init__(self, library: ctypes.CDLL, cards: list[ctypes.c_void_p]) -> None:
        self._library, self._cards = library, cards
        self._at = time.monotonic()
        self._last = [self._total(card) for card in cards]

    def joules(self) -> float:
        now = time.monotonic()
        seconds, self._at = now - self._at, now
        gone = 0.0
        for place, card in enumerate(self._cards):
            total, before = self._total(card), self._last[place]
            self._last[place] = total
            if total is None or before is None:
                gone += self._watts(card) * seconds
            else:
                gone += max(0.0, total - before)
        return gone

    def _total(self, card: ctypes.c_void_p) -> float | None:
        millijoules = ctypes.c_ulonglong()
        call = self._library.nvmlDeviceGetTotalEnergyConsumption
        return None if call(card, ctypes.byref(millijoules)) else millijoules.value / 1e3

    def _watts(self, card: ctypes.c_void_p) -> float:
        milliwatts = ctypes.c_uint()
        if self._library.nvmlDeviceGetPowerUsage(card, ctypes.byref(milliwatts)):
            raise OSError("The driver tells neither joules nor watts.")
        return milliwatts.value / 1e3


def find_nvml(name: str = LIBRARY) -> Nvml | None:
    """None without driver or card, or where the cards tell nothing."""
    try:
        library = ctypes.CDLL(name)
        count = ctypes.c_uint()
        if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return None
        cards = [_card(library, number) for number in range(count.value)]
        found = Nvml(library, cards)
        found.joules()
    except (OSError, AttributeError):
        return None
    return found if cards else None


def _card(library: ctypes.CDLL, number: int) -> ctypes.c_void_p:
    card = ctypes.c_void_p()
    if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(card)):
        raise OSError("The driver does not open the card.")
    return card
