"""The words of the public pages, in every language they are shown in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeWords:
    """The unsubscribe page before and after the button."""

    title: str
    question: str
    button: str
    done_title: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnWords:
    """The page a text message links to."""

    title: str
    text: str
    link: str
    stop: str
    button: str
    done_title: str
    done: str


READ_ON: Mapping[str, ReadOnWords] = {
    "en": ReadOnWords(
        title="Urgent action",
        text="You asked us to tell you when people are in danger. What you can do is written here:",
        link="Read on and take action",
        stop="You don't want these text messages any more?",
        button="Stop the text messages",
        done_title="No more text messages",
        done="If this link belongs to a subscription, it has ended. A message already on its way may still come.",
    ),
    "ko": ReadOnWords(
        title="긴급 행동",
        text="위험에 처한 사람들의 소식을 요청하셨습니다. 무엇을 할 수 있는지 아래에서 읽으실 수 있습니다.",
        link="자세히 읽고 행동하기",
        stop="문자 메시지를 더 이상 받고 싶지 않으신가요?",
        button="문자 그만 받기",
        done_title="문자 수신이 중단되었습니다",
        done="이 링크에 해당하는 구독이 있다면 문자 수신이 해지되었습니다. 이미 발송된 문자는 도착할 수 있습니다.",
    ),
}

UNSUBSCRIBE: Mapping[str, UnsubscribeWords] = {
    "en": UnsubscribeWords(
        title="Stop these emails",
        question="Press the button, and no more of our emails will go to the address this link was sent to.",
        button="Stop the emails",
        done_title="No more emails",
        done="If this link belongs to a subscription, it has ended. A message already on its way may still come.",
    ),
    "ko": UnsubscribeWords(
        title="이메일 수신 중단",
        question="아래 버튼을 누르시면 이 링크를 받으신 주소로 더 이상 이메일을 보내지 않습니다.",
        button="이메일 그만 받기",
        done_title="이메일 수신이 중단되었습니다",
        done="이 링크에 해당하는 구독이 있다면 해지되었습니다. 이미 발송된 메일은 도착할 수 있습니다.",
    ),
}
