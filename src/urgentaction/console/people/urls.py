"""Routes of staff accounts: the administrator's pages, one's own account, and the link of an invitation.

Logging in and everything else that allauth serves is in `entrance`.
"""

from __future__ import annotations

from django.urls import path

from . import actions, joining, own, pages

urlpatterns = [
    path("people/", pages.people, name="people"),
    path("people/invite/", pages.invite_page, name="invite"),
    path("people/invitations/<uuid:invitation_id>/again/", actions.send_invitation_again, name="invitation-again"),
    path("people/invitations/<uuid:invitation_id>/withdraw/", actions.take_invitation_back, name="invitation-withdraw"),
    path("people/<uuid:user_id>/", pages.person, name="person"),
    path("people/<uuid:user_id>/role/", actions.give_role, name="person-role"),
    path("people/<uuid:user_id>/lock/", actions.lock, name="person-lock"),
    path("people/<uuid:user_id>/unlock/", actions.unlock, name="person-unlock"),
    path("people/<uuid:user_id>/end-sessions/", actions.end_all_sessions, name="person-end-sessions"),
    path("people/<uuid:user_id>/reset-factors/", actions.reset, name="person-reset-factors"),
    path("people/<uuid:user_id>/new-password/", actions.new_password, name="person-new-password"),
    path("account/", own.account, name="account"),
    path("account/preferences/", own.preferences, name="account-preferences"),
    path("account/sessions/<int:session_id>/end/", own.end_session, name="end-session"),
    path("account/sessions/end-others/", own.end_others, name="end-other-sessions"),
    path("join/<str:token>/", joining.join, name="join"),
]
