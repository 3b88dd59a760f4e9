"""What the forms of several families share: refusals at their fields, a line of plain text."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from urgentaction.console.phrasing import in_words, problem_in_words
from urgentaction.core.errors import InvalidInput


class Refusable(forms.Form):
    """A form that can show what the rooms below refused."""

    def refuse(self, refusal: InvalidInput) -> None:
        """Put each problem at the field it is about; what is about none stands above them."""
        for problem in refusal.problems:
            is_ours = problem.field in self.fields
            self.add_error(
                problem.field if is_ours else None,
                (in_words(problem.message) if is_ours else problem_in_words(problem)),
            )


class PlainText(forms.CharField):
    """One line that is printed as it was typed: blanks at its ends and control characters are not part of it."""

    def to_python(self, value: Any) -> str:
        """The line, its blanks single."""
        said = " ".join((super().to_python(value) or "").split())
        if not said.isprintable():
            raise forms.ValidationError(_("This contains a control character; write plain text."))
        return said
