"""The words of the page in English and Chinese.

What stands still on the page is translated in the browser, from `translations`; what is made anew for each visitor is
written in their language on the server, by `label`. Both follow the browser's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]

_WORDS: dict[str, tuple[str, str]] = {
    # The frame.
    "tagline": ("Show a part and a good one, and ask what is wrong with it.", "给出零件和合格品的照片，问问哪里不对。"),
    "tab_part": ("One part", "单件"),
    "dark": ("Light / dark", "浅色 / 深色"),
    "examples": ("Examples", "示例"),
    # The part.
    "photo": ("The part", "零件"),
    "references": ("Good parts", "合格品"),
    "description": ("Description (optional)", "描述（可选）"),
    "description_hint": ("a metal nut, four wings, no scratches", "金属螺母，四个翼，没有划痕"),
    # The map.
    "map": ("Map on the photo", "照片上的热图"),
    "compare": ("Photo and map", "照片与热图对比"),
    "view": ("View", "视图"),
    "view_overlay": ("On the photo", "叠加"),
    "view_map": ("Map alone", "仅热图"),
    "view_compare": ("Before / after", "前后对比"),
    "opacity": ("Opacity", "不透明度"),
    "contours": ("Outlines", "轮廓"),
    "legend": (
        "Colour scale of the map, from 0 normal to 1 anomalous, limit 0.5",
        "热图色标：0 为正常，1 为异常，界限 0.5",
    ),
    "legend_low": ("0 normal", "0 正常"),
    "legend_high": ("1 anomalous", "1 异常"),
    # The verdict.
    "no_photo": ("No photo yet", "还没有照片"),
    "no_photo_hint": ("Add a photo of the part, or try an example.", "请添加零件照片，或试一个示例。"),
    "anomalous": ("Anomalous", "异常"),
    "normal": ("Normal", "正常"),
    "undecided": ("Undecided", "未定"),
    "by_answer": ("by the answer", "依据回答"),
    "by_map": ("by the map alone", "仅依据热图"),
    "not_said": ("the answers do not say", "回答未说明"),
    "score": ("Score of the map", "热图评分"),
    "words_yes_map_no": (
        "Words and map disagree: the answer finds an anomaly, but the map scores {score}, below the limit of {limit}. "
        "Check this part yourself.",
        "回答与热图不一致：回答认为有异常，但热图评分 {score} 低于界限 {limit}。请自行检查该零件。",
    ),
    "words_no_map_yes": (
        "Words and map disagree: the answer finds none, but the map scores {score}, at or above the limit of {limit}. "
        "Check this part yourself.",
        "回答与热图不一致：回答认为没有异常，但热图评分 {score} 不低于界限 {limit}。请自行检查该零件。",
    ),
    # The regions.
    "regions": ("Regions of the map", "热图区域"),
    "number": ("No.", "序号"),
    "place": ("Place", "位置"),
    "share": ("Share", "占比"),
    "size": ("Pixels", "像素"),
    "peak": ("Peak", "峰值"),
    "shape": ("Shape", "形状"),
    "frame_region": ("Frame region {number} on the photo", "在照片上框出区域 {number}"),
    "no_region": ("No region reaches the limit.", "没有区域达到界限。"),
    "regions_hint": ("Regions of the map are listed here.", "热图的区域列在这里。"),
    "under": ("under {value} %", "低于 {value} %"),
    "top left": ("top left", "左上方"),
    "top": ("top", "上方"),
    "top right": ("top right", "右上方"),
    "left": ("left", "左侧"),
    "center": ("center", "中央"),
    "right": ("right", "右侧"),
    "bottom left": ("bottom left", "左下方"),
    "bottom": ("bottom", "下方"),
    "bottom right": ("bottom right", "右下方"),
    "round": ("round", "圆形"),
    "oval": ("oval", "椭圆形"),
    "long horizontal": ("long, level", "细长，水平"),
    "long vertical": ("long, upright", "细长，竖直"),
    "long rising": ("long, rising", "细长，向右上"),
    "long falling": ("long, falling", "细长，向右下"),
    "ask_region": ("What is region {number}?", "{number} 号区域是什么？"),
    "ask_place": ("What is at the {place}?", "{place}是什么情况？"),
    # The dialogue.
    "chat": ("Dialogue", "对话"),
    "chat_hint": (
        "Add a photo of the part and one of a good part, then ask. Or start with an example.",
        "先添加零件和合格品的照片，再提问。也可以从示例开始。",
    ),
    "question": ("Question", "问题"),
    "question_hint": ("Ask about the part", "就这个零件提问"),
    "ask": ("Ask", "提问"),
    "stop": ("Stop", "停止"),
    "stopped": ("… (stopped)", "……（已停止）"),
    "no_words": ("(no words)", "（没有文字）"),
    "unexpected": (
        "Something went wrong on the server, and its log says what. Your photo is still here: please try again.",
        "服务器出了问题，日志里有原因。照片还在，请再试一次。",
    ),
    # The record.
    "history": ("Inspections of this visit", "本次的检查"),
    "history_hint": ("Inspections of this visit gather here.", "本次的检查会排列在这里。"),
    "open_case": (
        "Return to inspection {number}: {name}, {verdict}, score {score}",
        "回到第 {number} 次检查：{name}，{verdict}，评分 {score}",
    ),
    "case_gone": ("That inspection is no longer kept.", "该次检查已不再保留。"),
    "start_over": ("New inspection", "新的检查"),
    "report": ("Report", "报告"),
    # The settings.
    "settings": ("Settings", "设置"),
    "temperature": ("Temperature", "温度"),
    "temperature_info": ("0 always gives the likeliest words", "0 总是给出最可能的词"),
    "top_p": ("Top-p", "Top-p"),
    "length": ("Longest answer, tokens", "最长回答（词元）"),
    "seed": ("Seed of sampling (empty: by chance)", "采样种子（空：随机）"),
    "rule": ("Map rule", "热图规则"),
    "rule_paper": ("The paper's", "论文规则"),
    "rule_fused": ("Fused", "融合"),
    "rotations": ("Also compare with turned references", "也与旋转后的合格品比较"),
    # The batch.
    "tab_batch": ("Many parts", "批量"),
    "batch_files": ("Photos of parts, or a ZIP archive of them", "零件照片，或其 ZIP 压缩包"),
    "batch_start": ("Inspect all", "全部检查"),
    "batch_cancel": ("Cancel", "取消"),
    "batch_csv": ("Download as CSV", "下载 CSV"),
    "batch_html": ("Download as HTML", "下载 HTML"),
    "batch_table": ("Results; ⋮ in a header sorts by it", "结果（点击表头中的 ⋮ 可排序）"),
    "batch_hint": (
        "Add photos of one kind of part and a few good ones, and start. A table of verdicts grows here.",
        "添加同一种零件的照片和几张合格品的照片，然后开始。结果表会显示在这里。",
    ),
    "batch_empty": (
        "There are no photos yet. Add photos or a ZIP archive first.",
        "还没有照片。请先添加照片或 ZIP 压缩包。",
    ),
    "batch_waiting": ("Getting ready", "正在准备"),
    "batch_progress": ("{done} of {all} photos, about {left} left", "{done} / {all} 张，约剩 {left}"),
    "batch_done": (
        "{anomalous} anomalous, {normal} normal, {undecided} undecided, {failed} failed.",
        "异常 {anomalous}，正常 {normal}，未定 {undecided}，失败 {failed}。",
    ),
    "batch_cancelled": ("Cancelled after {done} of {all} photos:", "已取消，完成 {done} / {all} 张："),
    "batch_histogram": ("Histogram of the scores", "评分直方图"),
    "batch_failed": ("Failed", "失败"),
    "batch_unexpected": (
        "Something went wrong on the server, and its log says what. Please try again.",
        "服务器出了问题，日志里有原因。请再试一次。",
    ),
    "picture": ("Map", "热图"),
    "file": ("File", "文件"),
    "verdict": ("Verdict", "判定"),
    "score_short": ("Score", "评分"),
    "regions_short": ("Regions", "区域"),
    "note": ("Answer", "回答"),
}  # fmt: skip


def label(key: str, language: Language, **values: object) -> str:
    """The words of that key in that language, with `values` put into their places.

    Raises:
        KeyError: no such key.
    """
    return _WORDS[key][language == "zh"].format(**values)


def translations(more: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    """All words by language and key, as `gradio.I18n` takes them.

    Args:
        more: further words that stand still on the page, in English and Chinese.
    """
    every = {**_WORDS, **more}
    return {language: {key: words[i] for key, words in every.items()} for i, language in enumerate(("en", "zh"))}


def browser_language(accepted: str | None) -> Language:
    """The page's language for the value of a browser's Accept-Language header: Chinese if that comes first."""
    return "zh" if (accepted or "").strip().lower().startswith("zh") else "en"
