"""What a person who answers an SMS means: stop, start again, or something somebody must read.

Pure. Twilio's own list of English words, and those of the languages our notices are written in. Only a message that
*is* the word counts; "please stop the executions" is for a person to read.
"""

from __future__ import annotations

import unicodedata

from urgentaction.channels.contract import ReceiptKind

STOP_WORDS = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *("arret", "arrete", "arreter", "baja", "parar", "alto", "detener"),
        *("그만", "중지", "수신거부", "거부", "停止", "退订", "取消", "配信停止", "解除"),
        *("стоп", "отказ", "отписаться", "ايقاف", "توقف", "الغاء"),  # as `_bare` leaves them: إيقاف without its hamza
    }
)
#: Not "yes", which Twilio takes too: it may answer something else, and a person can tell.
START_WORDS = frozenset({"start", "unstop", "demarrer", "시작", "재개", "开始"})

_DECORATION = " \t\r\n.,!?;:'\"-_()[]<>«»“”‘’…。！？"


def meaning(text: str, opt_out_type: str = "") -> ReceiptKind:
    """OPTED_OUT, OPTED_IN or INBOUND.

    Args:
        text: what the person wrote.
        opt_out_type: Twilio's own judgement (`OptOutType`: STOP, START, HELP) where advanced opt-out is on; a STOP
            or START there wins over our reading of the text.
    """
    judged = opt_out_type.strip().upper()
    word = _bare(text)
    if judged == "STOP" or word in STOP_WORDS:
        return ReceiptKind.OPTED_OUT
    if judged == "START" or word in START_WORDS:
        return ReceiptKind.OPTED_IN
    return ReceiptKind.INBOUND


def _bare(text: str) -> str:
    """One word in lower case, without accents, spaces, hyphens and punctuation: `Arrêt!` → `arret`."""
    composed = unicodedata.normalize("NFKC", text).strip(_DECORATION).casefold()
    without_accents = "".join(c for c in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(c))
    # NFKD takes Korean syllables apart; NFC puts them together again.
    return unicodedata.normalize("NFC", without_accents).replace(" ", "").replace("-", "")
