"""Fonts for the browser: the system's and those of the letters, so that pictures show every script."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def fonts_of_letters(folder: Path) -> Path:
    """A fontconfig file in `folder` that adds the fonts of the letters to the system's."""
    wheels = ("pylopdf_fonts_ar", "pylopdf_fonts_jp", "pylopdf_fonts_ko", "pylopdf_fonts_zh_cn")
    folders = "".join(f"<dir>{resources.files(wheel)}</dir>" for wheel in wheels)
    config = folder / "fonts.conf"
    config.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"{folders}<cachedir>{folder / 'cache'}</cachedir></fontconfig>"
    )
    return config
