"""The page's own calm look: petrol on graphite greys, light and dark, with fonts that every system has."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).with_name("style.css")

PETROL = gr.themes.Color(
    name="petrol",
    c50="#eef7f8",
    c100="#d6ecef",
    c200="#aedae0",
    c300="#7cc1cb",
    c400="#48a1ae",
    c500="#2c8593",
    c600="#1f6b78",
    c700="#1b5864",
    c800="#1a4751",
    c900="#183b44",
    c950="#0b262d",
)

GRAPHITE = gr.themes.Color(
    name="graphite",
    c50="#f6f7f8",
    c100="#eceff1",
    c200="#dde2e6",
    c300="#c3cbd2",
    c400="#939ea8",
    c500="#66727d",
    c600="#505b65",
    c700="#3b444d",
    c800="#272e35",
    c900="#1b2026",
    c950="#13171c",
)

TOGGLE_DARK = "() => { document.body.classList.toggle('dark'); }"
"""Runs in the browser: light becomes dark and dark becomes light. The first state is the system's own."""


def make_theme() -> gr.themes.Base:
    """The theme of the page."""
    theme = gr.themes.Base(
        primary_hue=PETROL,
        secondary_hue=PETROL,
        neutral_hue=GRAPHITE,
        radius_size="md",
        spacing_size="sm",
        text_size="md",
        font=["Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "Noto Sans CJK SC", "sans-serif"],
        font_mono=["Consolas", "DejaVu Sans Mono", "monospace"],
    )
    return theme.set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_800",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_700",
        block_label_background_fill="*neutral_50",
        block_label_background_fill_dark="*neutral_800",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_200",
        block_shadow="none",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*primary_50",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_100",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="*primary_950",
        border_color_accent_subdued="*primary_200",
        border_color_accent_subdued_dark="*primary_800",
    )
