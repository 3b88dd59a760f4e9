"""Links by which a reader passes a letter on: each opens the service's own page, and nothing of it is loaded here.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A service by its name, and where to go."""

    name: str
    url: str


def share_links(url: str, title: str, email: str) -> tuple[ShareLink, ...]:
    """The ways to pass `url` on.

    Args:
        email: what a mail is called in the reader's language.
    """
    link, words = quote(url, safe=""), quote(title, safe="")
    both = quote(f"{title}\n{url}", safe="")
    return (
        ShareLink("Facebook", f"https://www.facebook.com/sharer/sharer.php?u={link}"),
        ShareLink("X", f"https://x.com/intent/post?url={link}&text={words}"),
        ShareLink("WhatsApp", f"https://wa.me/?text={both}"),
        ShareLink(email, f"mailto:?subject={words}&body={both}"),
        ShareLink("LinkedIn", f"https://www.linkedin.com/sharing/share-offsite/?url={link}"),
        ShareLink("Reddit", f"https://www.reddit.com/submit?url={link}&title={words}"),
        ShareLink("Telegram", f"https://t.me/share/url?url={link}&text={words}"),
    )
