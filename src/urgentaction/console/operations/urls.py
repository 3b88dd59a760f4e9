"""Routes of settings."""

from __future__ import annotations

from django.urls import path

from . import actions, audit, pages, rules

urlpatterns = [
    path("settings/", pages.operations, name="operations"),
    path("settings/gateways/", pages.gateways, name="gateways"),
    path("settings/gateways/<slug:name>/", pages.gateway, name="gateway"),
    path("settings/gateways/<slug:name>/test/", actions.test_gateway, name="gateway-test"),
    path("settings/gateways/<slug:name>/pause/", actions.pause, name="gateway-pause"),
    path("settings/gateways/<slug:name>/resume/", actions.resume, name="gateway-resume"),
    path("settings/rules/", rules.rules, name="rules"),
    path("settings/rules/try/", rules.dry_run, name="rules-try"),
    path("settings/rules/try/replay/", rules.replay_updates, name="rules-replay"),
    path("settings/rules/<slug:rule_id>/", rules.rule, name="rule"),
    path("settings/standing-approvals/", pages.standing_approvals, name="standing-approvals"),
    path("settings/standing-approvals/grant/", actions.grant, name="standing-approval-grant"),
    path(
        "settings/standing-approvals/<uuid:approval_id>/revoke/",
        actions.revoke_approval,
        name="standing-approval-revoke",
    ),
    path("settings/tokens/", pages.tokens, name="tokens"),
    path("settings/tokens/make/", actions.make, name="token-make"),
    path("settings/tokens/<uuid:token_id>/revoke/", actions.revoke, name="token-revoke"),
    path("settings/on-call/", pages.on_call, name="on-call"),
    path("settings/on-call/test/", actions.test_on_call, name="on-call-test"),
    path("settings/audit/", audit.entries, name="audit"),
    path("settings/audit/verify/", audit.verify, name="audit-verify"),
    path("settings/audit/verify/<uuid:check_id>/", audit.verify_on, name="audit-verify-on"),
    path("settings/audit/export/", audit.export, name="audit-export"),
    path("settings/audit/<int:entry_id>/", audit.entry, name="audit-entry"),
    path("settings/organisation/", pages.organisation, name="organisation"),
    path("settings/self-check/", pages.self_check, name="self-check"),
    path("settings/self-check/look/", actions.look, name="self-check-look"),
]
