"""The oracle can say no: each kind of failure is made up here, and found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.oracle import AlertRow, Entry, Fault, Row, Try, Verdict, judge

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUNNING = AlertRow(id="a", number="UA-2026-0001/1", state="finished")
STOPPED = AlertRow(id="a", number="UA-2026-0001/1", state="withdrawn", stopped_at=START)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def attempt(number: int = 1, outcome: str = "accepted", ref: str = "", **more: Any) -> Try:
    values: dict[str, Any] = {"started_at": at(0), "ended_at": at(1), **more}
    return Try(number=number, outcome=outcome, gateway_ref=ref, **values)


def row(*tries: Try, **more: Any) -> Row:
    values: dict[str, Any] = {
        "id": 1, "alert": "a", "recipient": "supporter 1", "role": "supporter", "channel": "email", "state": "accepted",
    }  # fmt: skip
    return Row(tries=tries, **{**values, **more})


def entry(ref: str = "Q1", seq: int = 1, **more: Any) -> Entry:
    values: dict[str, Any] = {
        "at": at(0.5), "channel": "email", "delivery": 1, "message_id": "<d1@here>",
    }  # fmt: skip
    return Entry(seq=seq, ref=ref, **{**values, **more})


def verdict_on(*rows: Row, ledger: list[Entry], alert: AlertRow = RUNNING, faults: tuple[Fault, ...] = ()) -> Verdict:
    return judge(rows, ledger, [alert], faults, in_flight=timedelta(seconds=10))


GOOD = row(attempt(ref="Q1"))


def test_a_delivery_that_both_ledgers_have_is_right() -> None:
    verdict = verdict_on(GOOD, ledger=[entry()])
    assert verdict.is_kept, verdict
    assert verdict.deliveries == 1
    assert not verdict.unknown


def test_an_arrival_that_no_gateway_has_is_lost() -> None:
    verdict = verdict_on(GOOD, ledger=[])
    assert len(verdict.lost) == 1
    assert not verdict.is_kept


def test_a_row_that_came_to_no_end_is_lost() -> None:
    for state in ("queued", "leased", "sending"):
        assert len(verdict_on(row(state=state), ledger=[]).lost) == 1, state


def test_a_failure_needs_a_scripted_cause_or_somebody_who_follows_it_up() -> None:
    failed = row(attempt(outcome="refused", code="5.1.1"), state="failed")
    assert verdict_on(failed, ledger=[]).lost
    assert verdict_on(replace(failed, may_fail=True), ledger=[]).is_kept
    assert verdict_on(replace(failed, is_followed_up=True), ledger=[]).is_kept


def test_withdrawn_expired_and_suppressed_need_their_causes() -> None:
    assert verdict_on(row(state="withdrawn"), ledger=[]).lost
    assert verdict_on(row(state="withdrawn"), ledger=[], alert=STOPPED).is_kept
    assert verdict_on(row(state="expired"), ledger=[]).lost
    assert verdict_on(row(state="suppressed"), ledger=[]).lost
    assert verdict_on(row(state="suppressed", may_fail=True), ledger=[]).is_kept


def test_a_recipient_without_a_row_is_lost() -> None:
    meant = replace(RUNNING, expected=frozenset({("supporter 1", "email"), ("supporter 2", "email")}))
    assert verdict_on(GOOD, ledger=[entry()], alert=meant).lost == [
        "alert UA-2026-0001/1: supporter 2 has no row for email"
    ]


def test_an_entry_that_no_try_accounts_for_is_a_silent_duplicate() -> None:
    assert len(verdict_on(GOOD, ledger=[entry(), entry("Q2", 2)]).silent_duplicates) == 1
    assert len(verdict_on(row(state="withdrawn"), ledger=[entry()], alert=STOPPED).silent_duplicates) == 1


def test_an_entry_of_no_delivery_is_a_silent_duplicate() -> None:
    assert len(verdict_on(GOOD, ledger=[entry(), entry("Q9", 2, delivery=None)]).silent_duplicates) == 1


def test_a_mail_taken_twice_is_listed_if_it_was_counted_and_bears_the_same_message_id() -> None:
    tries = (attempt(1, "unknown"), attempt(2, ref="Q2"))
    ledger = [entry("Q1", 1), entry("Q2", 2)]
    counted = verdict_on(row(*tries, repeats=1), ledger=ledger)
    assert counted.is_kept, counted
    assert len(counted.repeats_listed) == 1

    assert verdict_on(row(*tries, repeats=0), ledger=ledger).silent_duplicates
    other_id = [ledger[0], replace(ledger[1], message_id="<d2@here>")]
    assert verdict_on(row(*tries, repeats=1), ledger=other_id).silent_duplicates


def test_a_mail_repeated_after_an_unknown_that_was_never_taken_is_no_duplicate() -> None:
    verdict = verdict_on(row(attempt(1, "unknown"), attempt(2, ref="Q2"), repeats=1), ledger=[entry("Q2")])
    assert verdict.is_kept
    assert not verdict.repeats_listed


def test_a_second_fax_is_right_only_after_the_first_was_known_to_have_failed() -> None:
    ledger = [entry("F1", 1, channel="fax"), entry("F2", 2, channel="fax")]
    busy = attempt(1, "refused", ref="F1", code="user_busy")
    assert verdict_on(row(busy, attempt(2, ref="F2"), channel="fax", state="delivered"), ledger=ledger).is_kept

    for first in (attempt(1, "unknown"), attempt(1, "refused", code="not-taken"), attempt(1, ref="F1")):
        twice = row(first, attempt(2, ref="F2"), channel="fax", state="delivered")
        assert verdict_on(twice, ledger=ledger).silent_duplicates, first


def test_a_row_that_exists_twice_is_a_silent_duplicate() -> None:
    both = (GOOD, replace(GOOD, id=2, tries=(attempt(ref="Q2"),)))
    assert verdict_on(*both, ledger=[entry(), entry("Q2", 2, delivery=2)]).silent_duplicates


def test_what_leaves_after_the_stop_is_stale_beyond_the_window_in_flight() -> None:
    assert verdict_on(GOOD, ledger=[entry(at=at(9))], alert=STOPPED).is_kept
    late = verdict_on(GOOD, ledger=[entry(at=at(11))], alert=STOPPED)
    assert len(late.stale) == 1
    assert not late.is_kept


def test_an_unknown_is_listed_and_needs_somebody_who_settles_it() -> None:
    open_one = row(attempt(1, "unknown"), state="unknown", channel="sms")
    verdict = verdict_on(open_one, ledger=[entry(channel="sms")])
    assert len(verdict.unknown) == len(verdict.unlisted_unknown) == 1
    assert not verdict.is_kept

    listed = verdict_on(replace(open_one, open_tasks=("settle_unknown",)), ledger=[entry(channel="sms")])
    assert listed.is_kept
    assert len(listed.unknown) == 1


def test_an_unknown_mail_of_a_stopped_alert_stays_so_without_a_task() -> None:
    verdict = verdict_on(row(attempt(1, "unknown"), state="unknown"), ledger=[entry()], alert=STOPPED)
    assert verdict.is_kept
    assert len(verdict.unknown) == 1


def test_an_alert_that_never_ended_is_found() -> None:
    assert verdict_on(ledger=[], alert=replace(RUNNING, state="running")).unfinished_alerts
    assert verdict_on(ledger=[], alert=replace(RUNNING, state="held", is_expanded=False)).unfinished_alerts


def kill(second: float, most: int, **more: Any) -> Fault:
    values: dict[str, Any] = {"kind": "kill", "what": f"kill at {second}", "roles": frozenset({"supporter"}), **more}
    return Fault(at=at(second), until=at(second), most_unknown=most, **values)


def cut_off(number: int, from_: float, to: float) -> Row:
    one = attempt(1, "unknown", started_at=at(from_), ended_at=at(to))
    return row(one, id=number, recipient=f"supporter {number}", state="unknown", open_tasks=("settle_unknown",))


def test_more_unknowns_than_were_in_flight_at_a_kill_are_too_many() -> None:
    three = [cut_off(number, 0, 9) for number in (1, 2, 3)]
    assert verdict_on(*three, ledger=[], faults=(kill(1, 3),)).is_kept
    assert len(verdict_on(*three, ledger=[], faults=(kill(1, 2),)).too_many_unknown) == 1


def test_an_unknown_is_put_down_to_whichever_fault_has_room_for_it() -> None:
    rows = [cut_off(1, 0, 9), cut_off(2, 0, 9), cut_off(3, 0, 2)]
    # The third can only be the first kill's; one of the others must make room for it.
    assert verdict_on(*rows, ledger=[], faults=(kill(1, 1), kill(5, 2))).is_kept
    assert verdict_on(*rows, ledger=[], faults=(kill(1, 1), kill(5, 1))).too_many_unknown


def test_an_unknown_of_the_other_lane_or_of_no_fault_is_counted_apart() -> None:
    verdict = verdict_on(cut_off(1, 0, 9), ledger=[], faults=(kill(1, 0, roles=frozenset({"to"})), kill(20, 0)))
    assert verdict.is_kept
    assert (verdict.became_unknown, verdict.unattributed) == (1, 1)


@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))
def test_no_surplus_of_entries_over_tries_goes_unseen(accepted: int, unknown: int, more: int) -> None:
    tries = [attempt(number + 1, ref=f"Q{number}") for number in range(accepted)]
    tries += [attempt(accepted + number + 1, "unknown") for number in range(unknown)]
    ledger = [entry(f"Q{number}", number + 1) for number in range(accepted)]
    ledger += [entry(f"X{number}", accepted + number + 1) for number in range(unknown + more)]
    verdict = verdict_on(row(*tries, repeats=20), ledger=ledger)
    assert len(verdict.silent_duplicates) == more
