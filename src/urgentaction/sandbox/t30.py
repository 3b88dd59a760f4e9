"""A fax call in memory: two T.30 engines of libspandsp, joined by a wire that carries sound.

Owns the C library and nothing else. It runs as a program of its own (`python -m urgentaction.sandbox.t30`), because a
crash in the library must end this one call and not the sandbox. Imports the standard library only, to start quickly.

ITU-T T.30 (procedures), V.17/V.29/V.27ter (modems), T.4/T.6 (page coding); 8000 samples a second, 16 bits.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

MISSING = "none: install libspandsp2 (apt-get install libspandsp2) to transmit for real"
SAMPLE_RATE = 8000
FRAME = 160  # samples: 20 ms, the packet length of telephony
#: No call takes longer than this on the line; a two-page letter takes about half a minute.
LIMIT_SECONDS = 60 * 60
#: After one side has finished, how long the other may need for its last message.
DRAIN_SECONDS = 10

_T6_AND_BELOW = 0x02 | 0x04 | 0x08  # T30_SUPPORT_T4_1D, T4_2D and T6 compression
_STANDARD_AND_FINE_R8 = 0x01 | 0x02 | 0x20000  # standard and fine lines, 204 dpi across
_A4_ANY_LENGTH = 0x01 | 0x10000  # 215 mm wide
_V27TER_V29_V17 = 0x01 | 0x02 | 0x04


class Cut(StrEnum):
    """Where the line is broken on request."""

    NEVER = "never"
    SILENT = "silent"  # somebody picks up and says nothing: a telephone, not a fax
    EARLY = "early"  # while the machines are still agreeing on terms
    IN_PAGE = "in-page"  # in the middle of the first page


#: Seconds of line time after which a cut line goes dead. A page starts after about ten seconds of greetings.
_DEAD_AFTER = {Cut.SILENT: 0.0, Cut.EARLY: 6.5, Cut.IN_PAGE: 13.0}


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended.

    Attributes:
        code: the sender's T.30 completion code as libspandsp counts them; 0 is success.
        text: the same in words.
        pages_sent: pages the sender got a confirmation for.
        line_seconds: how long the call would have taken on a telephone line.
        bit_rate: of the page modem, bits a second.
        is_error_corrected: whether ECM (T.30 annex A) was used.
    """

    code: int
    text: str
    pages_sent: int
    line_seconds: float
    bit_rate: int
    is_error_corrected: bool


class LineError(Exception):
    """The library is missing, or could not start a call. The message says which."""


def library_name() -> str | None:
    """Name by which libspandsp can be loaded here, or None where it is not installed."""
    found = ctypes.util.find_library("spandsp")
    for name in filter(None, (found, "libspandsp.so.2")):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


_PhaseE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)


def _load() -> ctypes.CDLL:
    name = library_name()
    if name is None:
        raise LineError(f"line {MISSING}")
    library = ctypes.CDLL(name)
    state, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    samples = ctypes.POINTER(ctypes.c_int16)
    signatures: dict[str, tuple[type | None, list[type]]] = {
        "fax_init": (state, [state, number]),
        "fax_free": (number, [state]),
        "fax_get_t30_state": (state, [state]),
        "fax_set_transmit_on_idle": (None, [state, number]),
        "fax_tx": (number, [state, samples, number]),
        "fax_rx": (number, [state, samples, number]),
        "t30_set_tx_file": (None, [state, text, number, number]),
        "t30_set_rx_file": (None, [state, text, number]),
        "t30_set_tx_ident": (number, [state, text]),
        "t30_set_ecm_capability": (number, [state, number]),
        "t30_set_supported_compressions": (number, [state, number]),
        "t30_set_supported_resolutions": (number, [state, number]),
        "t30_set_supported_image_sizes": (number, [state, number]),
        "t30_set_supported_modems": (number, [state, number]),
        "t30_set_phase_e_handler": (None, [state, _PhaseE, state]),
        "t30_get_transfer_statistics": (None, [state, state]),
        "t30_completion_code_to_str": (text, [number]),
        "t30_terminate": (None, [state]),
    }
    for function, (result, arguments) in signatures.items():
        handle = getattr(library, function)
        handle.restype, handle.argtypes = result, arguments
    return library


class _Machine:
    """One end of the call."""

    def __init__(self, library: ctypes.CDLL, *, is_calling: bool, ident: str) -> None:
        self._library = library
        self.fax = library.fax_init(None, int(is_calling))
        if not self.fax:
            raise LineError("libspandsp could not start a fax engine")
        self.t30 = library.fax_get_t30_state(self.fax)
        self.code: int | None = None
        self._on_end = _PhaseE(self._ended)  # kept: the library holds only the address
        self._buffer = (ctypes.c_int16 * FRAME)()
        library.fax_set_transmit_on_idle(self.fax, 1)
        library.t30_set_tx_ident(self.t30, ident[:20].encode("ascii", "replace"))
        library.t30_set_ecm_capability(self.t30, 1)
        library.t30_set_supported_compressions(self.t30, _T6_AND_BELOW)
        library.t30_set_supported_resolutions(self.t30, _STANDARD_AND_FINE_R8)
        library.t30_set_supported_image_sizes(self.t30, _A4_ANY_LENGTH)
        library.t30_set_supported_modems(self.t30, _V27TER_V29_V17)
        library.t30_set_phase_e_handler(self.t30, self._on_end, None)

    def _ended(self, _state: int, _user: int, code: int) -> None:
        self.code = code

    def speak(self) -> ctypes.Array[ctypes.c_int16]:
        count = self._library.fax_tx(self.fax, self._buffer, FRAME)
        for index in range(count, FRAME):
            self._buffer[index] = 0
        return self._buffer

    def hear(self, sound: ctypes.Array[ctypes.c_int16]) -> None:
        self._library.fax_rx(self.fax, sound, FRAME)

    def statistics(self) -> Sequence[int]:
        # The library fills a structure of plain ints whose length grew over its versions; room for all of them.
        numbers = (ctypes.c_int * 256)()
        self._library.t30_get_transfer_statistics(self.t30, ctypes.cast(numbers, ctypes.c_void_p))
        return list(numbers[:8])

    def hang_up(self) -> None:
        """Ends the call and closes the TIFF file, so that what came so far can be read."""
        self._library.t30_terminate(self.t30)
        self._library.fax_free(self.fax)


def call(source: Path, target: Path, *, caller: str = "", callee: str = "", cut: Cut = Cut.NEVER) -> CallResult:
    """Sends the TIFF (class F) `source` and writes what arrived to `target`. Blocks; far faster than a line.

    Raises:
        LineError: the library is missing or refused to start.
    """
    library = _load()
    sender = _Machine(library, is_calling=True, ident=caller)
    receiver = _Machine(library, is_calling=False, ident=callee)
    library.t30_set_tx_file(sender.t30, str(source).encode(), -1, -1)
    library.t30_set_rx_file(receiver.t30, str(target).encode(), -1)
    try:
        seconds = _run(sender, receiver, dead_after=_DEAD_AFTER.get(cut))
        statistics = sender.statistics()
    finally:
        receiver.hang_up()
        sender.hang_up()
    code = -1 if sender.code is None else sender.code
    return CallResult(
        code=code,
        text=library.t30_completion_code_to_str(code).decode() if code >= 0 else "the call never ended",
        pages_sent=statistics[2],
        line_seconds=round(seconds, 2),
        bit_rate=statistics[0],
        is_error_corrected=bool(statistics[1]),
    )


def _run(sender: _Machine, receiver: _Machine, *, dead_after: float | None) -> float:
    """Carries frames both ways until both ends hung up. Returns seconds of line time."""
    silence = (ctypes.c_int16 * FRAME)()
    frames, drained = 0, 0
    while frames * FRAME < LIMIT_SECONDS * SAMPLE_RATE:
        seconds = frames * FRAME / SAMPLE_RATE
        is_dead = dead_after is not None and seconds >= dead_after
        from_sender, from_receiver = sender.speak(), receiver.speak()
        receiver.hear(silence if is_dead else from_sender)
        sender.hear(silence if is_dead else from_receiver)
        frames += 1
        if sender.code is not None:
            drained += FRAME
            if receiver.code is not None or drained > DRAIN_SECONDS * SAMPLE_RATE:
                break
    return frames * FRAME / SAMPLE_RATE


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes one call and prints its result as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m urgentaction.sandbox.t30", description=call.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--caller", default="")
    parser.add_argument("--callee", default="")
    parser.add_argument("--cut", type=Cut, default=Cut.NEVER)
    options = parser.parse_args(arguments)
    try:
        result = call(options.source, options.target, caller=options.caller, callee=options.callee, cut=options.cut)
    except LineError as error:
        print(error, file=sys.stderr)
        return 69  # EX_UNAVAILABLE of sysexits.h
    print(json.dumps(asdict(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
