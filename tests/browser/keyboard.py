"""A page used without a mouse: what is not reached by Tab, or has no name, can't be used here."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

# A date field is several stops of Tab: only at the first of them is it the field itself that has the focus.
_IS_SOMEWHERE = "document.activeElement !== document.body && document.activeElement?.matches(':focus')"


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Somebody's hands on the keys of one page."""

    page: Page

    def at(self) -> str:
        """Role and name of what has the focus, as a screen reader tells them; empty where nothing has it."""
        if not self.page.evaluate(_IS_SOMEWHERE):
            return ""
        told = self.page.locator("*:focus").aria_snapshot().partition("\n")[0]
        return told.removeprefix("- ").removesuffix(":").strip("'")  # quoted where a name holds a colon

    def reach(self, what: str, *, key: str = "Tab", within: int = 120) -> None:
        """Go on by Tab (or Shift+Tab) until this has the focus.

        Args:
            what: role and name, such as `button "Approve"`.
            within: so many steps; then the test fails, and says what was passed.
        """
        passed = []
        for _ in range(within):
            if (here := self.at()).startswith(what):
                return
            passed.append(here)
            self.page.keyboard.press(key)
        raise AssertionError(f"{what} is not reached by {key} on {self.page.url}; passed: {passed}")

    def press(self, what: str, *, key: str = "Tab") -> None:
        """Reach a link or a button, use it, and wait for the page to which it leads."""
        self.reach(what, key=key)
        self.enter()

    def enter(self) -> None:
        """Use what has the focus, and wait for the page to which it leads."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, what: str, words: str, *, key: str = "Tab") -> None:
        """Reach a field and write into it in the place of what is there; in a choice, take what begins so."""
        self.reach(what, key=key)
        if what.startswith("textbox"):
            self.page.keyboard.press("Control+a")
        self.page.keyboard.type(words)

    def tick(self, what: str, *, key: str = "Tab") -> None:
        """Reach a box and tick it, or take its tick away."""
        self.reach(what, key=key)
        self.page.keyboard.press("Space")
