"""What a person reads who asks what an update would do."""

from __future__ import annotations

from textwrap import dedent, fill

import pytest

from tests.unit.triggers.situations import FIRST_DAY, RUNNING, case, decided, nine, update
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.explain import (
    AddresseeRole,
    AudienceCounts,
    OfficialCount,
    SupporterCount,
    UnsentCount,
    explain,
)

FAX, EMAIL, SMS = Channel.FAX, Channel.EMAIL, Channel.SMS

COUNTS = AudienceCounts(
    officials=(
        OfficialCount(name="President of the Republic of Korea", role=AddresseeRole.TO, channels=(EMAIL, FAX)),
        OfficialCount(name="Minister of Unification", role=AddresseeRole.CC, channels=(EMAIL, FAX)),
        OfficialCount(name="Ambassador in Beijing", role=AddresseeRole.CC, channels=()),
    ),
    supporters=(
        SupporterCount(channel=SMS, language="ko", people=40),
        SupporterCount(channel=EMAIL, language="en", people=120),
        SupporterCount(channel=EMAIL, language="ko", people=80),
    ),
    unsent=(UnsentCount(alert=RUNNING.number, deliveries=1),),
)


def page(lines: list[str]) -> str:
    """The lines as a terminal of 100 columns shows them."""
    return "".join(f"{fill(line, 100, subsequent_indent='    ')}\n" for line in lines)


def test_an_imminent_return_with_counts() -> None:
    before = case("detained", persons=nine(), is_reached=True, is_running=True)

    assert page(explain(decided(before, update("return_imminent")), counts=COUNTS)) == dedent(
        """\
        The case's status becomes “at imminent risk of forcible return” (confirmed; rule “imminent”, level
            1, hours count).
        Why: The status before was “detained”. It is more urgent than before, so everybody hears, not only
            those reached before.
        Stops: what is still unsent of UA-2015-0117/1 is withdrawn.
          UA-2015-0117/1: 1 unsent delivery
        Officials: a first appeal to all addressees of the case, by fax and email at the same moment, day or
            night; copies by email; each has 30 minutes from when it is due; where one fails or is late the
            next follows, in the end a person.
          To: President of the Republic of Korea (fax, email)
          Copy: Minister of Unification (email)
          Copy: Ambassador in Beijing (no usable contact point: becomes a task for a person)
        Supporters: an appeal by email and SMS to everybody who opted in. Quiet hours and the frequency cap
            are passed over only for those who allowed it; STOP never is.
          By email: 120 in English and 80 in Korean.
          By SMS: 40 in Korean.
        Approval: none needed now; the standing approval of M. Okafor covers it.
        Sends: by itself, at once. What is unsent 2 days later expires.
        """
    )


def test_a_rumour() -> None:
    before = case("detained", is_reached=True, is_running=True)

    assert page(explain(decided(before, update("charged", confidence="rumoured")))) == dedent(
        """\
        The update says “charged” (rumoured; rule “rumour”, level 3, within a week).
        Why: The status before was “detained”. A rumour sends nothing, stops nothing and does not change the
            case's status. An alert is still going out and its call still stands, so everybody hears.
        Stops: nothing; running alerts go on.
        Makes a draft, which would send the following:
        Officials: further information to all addressees of the case, by email, then by fax in office hours
            if that fails; copies by email; each has 24 hours from when it is due; where one fails or is
            late the next follows, in the end a person.
        Supporters: further information by email to everybody who opted in.
        Approval: one person, not the drafter.
        Sends: nothing by itself; the draft goes out only if somebody starts it.
        """
    )


def test_two_deaths_in_a_group() -> None:
    before = case("detained", persons=nine(), is_reached=True, is_running=True)

    assert page(explain(decided(before, update("died", persons=("person-1", "person-2"))))) == dedent(
        """\
        The update says “died” (confirmed; rule “grave”, level 5, grave).
        Why: The status before was “detained”. It concerns 2 persons of 9; the letter speaks only of these.
            It is grave: nothing goes out by itself. It follows up on an earlier alert.
        Stops: what is still unsent of UA-2015-0117/1 is withdrawn.
          Careful: this ends the appeal for the other 7 persons still at risk too. Start a new one for
            these.
        Officials: a successor letter to a new target, which staff choose, by email at once and by fax in
            office hours; copies by email.
        Supporters: a closing notice by email to exactly those an earlier alert reached. Never by itself:
            only by hand, after somebody has recorded that the family knows.
        Approval: two different people; whoever drafted it can't be the only one.
        Sends: after approval, once it has been held for 1 hour in which anyone can stop it. What is unsent
            14 days later expires.
        """
    )


def test_a_release() -> None:
    lines = explain(decided(case("detained", is_reached=True), update("released")), counts=AudienceCounts())

    assert page(lines[2:]) == dedent(
        """\
        Stops: nothing; no alert is running.
        Officials: a letter of thanks that ends the action to exactly those an earlier alert reached, by
            email; copies by email. Only drafted: a person decides whether it goes.
          Nobody at present.
        Supporters: good news by email to exactly those an earlier alert reached. It may wait for a person's
            digest.
          Nobody at present.
        Approval: one person, not the drafter.
        Sends: after approval, once it has been held for 30 minutes in which anyone can stop it. What is
            unsent 7 days later expires.
        """
    )


def test_old_news() -> None:
    before = case("detained", is_reached=True, is_running=True)

    assert page(explain(decided(before, update("released", as_of=FIRST_DAY.replace(day=1))))) == dedent(
        """\
        The update says “released” (confirmed; rule “freed”, level 4, news).
        Why: The update is as of 2015-10-01, but the case is already known as of 2015-10-24.
        Stops: nothing; running alerts go on.
        Sends: nothing.
        """
    )


def test_a_missing_standing_approval_is_named() -> None:
    lines = explain(decided(case(), update("detained"), standing=()))

    assert "Approval: one person, not the drafter; no standing approval for rule “at-risk” is in force." in lines


def test_counts_for_a_channel_that_is_not_used_are_left_out() -> None:
    lines = explain(decided(case("return_imminent", is_reached=True), update("fate_unknown")), counts=COUNTS)

    assert "  By email: 120 in English and 80 in Korean." in lines
    assert not any("SMS" in line for line in lines)


def test_a_language_without_explanations_is_refused() -> None:
    with pytest.raises(InvalidInput, match="explanations exist in en, not in “ko”"):
        explain(decided(case(), update("detained")), language="ko")
