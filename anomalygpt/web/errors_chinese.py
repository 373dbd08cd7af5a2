"""What the package says to users of a photo or a question that it cannot take, in Chinese.

The package itself speaks English; what stands between braces is taken over from its message as it is.
"""

from __future__ import annotations

import re

_SAID: dict[str, str] = {
    "{what} is not a photo. Give a file, a PIL image or an RGB array.": "{what} 不是照片。请提供图像文件。",
    "{name} holds {kind} values. Give integers, floats or bools.": "{name} 的数值类型 {kind} 无法使用。请换成图像。",
    "{name} holds values that are not finite (NaN or infinity). Replace them first.": (
        "{name} 含有无效数值（NaN 或无穷大）。请先修正。"
    ),
    "{name} is a folder, not a photo. Give one image file.": "{name} 是文件夹，不是照片。请提供一个图像文件。",
    "{name}: there is no such file. Check the path, or upload the photo again.": (
        "{name}：没有这个文件。请检查路径，或重新上传照片。"
    ),
    "{name} is empty (0 bytes). Save or upload it again.": "{name} 是空文件（0 字节）。请重新保存或上传。",
    "{name} is a HEIC photo, which cannot be read here. Save it as JPEG first.": (
        "{name} 是 HEIC 照片，这里无法读取。请先另存为 JPEG。"
    ),
    "{name} cannot be opened: {why}. Check the file.": "{name} 无法打开（{why}）。请检查该文件。",
    "{name} is not an image that can be read, or its beginning is damaged. {remedy}": (
        "{name} 不是可读取的图像，或文件开头已损坏。请使用 JPEG、PNG、WebP、BMP、GIF 或 TIFF 文件。"
    ),
    "{name} has colours of kind {mode}, which cannot be read. {remedy}": (
        "{name} 的颜色模式 {mode} 无法读取。请使用 JPEG、PNG、WebP、BMP、GIF 或 TIFF 文件。"
    ),
    "{name} has shape {shape}. Give H×W, H×W×1, H×W×3 (RGB) or H×W×4 (RGBA).": (
        "{name} 的形状为 {shape}。请提供 H×W、H×W×1、H×W×3（RGB）或 H×W×4（RGBA）。"
    ),
    "{name} is too small: {size} pixels. Use a photo of at least {least} pixels a side.": (
        "{name} 太小：{size} 像素。请使用每边至少 {least} 像素的照片。"
    ),
    "{name} is too narrow: {size} pixels. Crop it to the part.": "{name} 太窄：{size} 像素。请裁剪到零件本身。",
    "{name} is too large: its size is over {most} megapixels. Scale it down or crop it to the part.": (
        "{name} 太大：超过 {most} 百万像素。请缩小，或裁剪到零件本身。"
    ),
    "{name} is too large: {size} pixels is over {most} megapixels. Scale it down or crop it to the part.": (
        "{name} 太大：{size} 像素，超过 {most} 百万像素。请缩小，或裁剪到零件本身。"
    ),
    "{name} is damaged or incomplete. Save or upload it again.": "{name} 已损坏或不完整。请重新保存或上传。",
    "{name} was not uploaded here. Upload the photo.": "{name} 不是在这里上传的。请上传照片。",
    "{count} normal photos are too many: give at most {most}.": "合格品照片有 {count} 张，太多了：最多 {most} 张。",
    "There is no photo yet. {remedy}": "还没有照片。请先添加零件照片，再提问。",
    "The question is empty. Type what you want to know about the part.": "问题是空的。请输入您想了解的内容。",
    "The question has {count} characters; ask it in at most {most}.": "问题有 {count} 个字符；最多 {most} 个。",
    "This conversation has used up the {count} tokens that the language model can hold. {remedy}": (
        "这段对话已用完语言模型能容纳的 {count} 个词元。请清空对话后继续；照片会保留。"
    ),
    "{name} holds over {most} unpacked. Split it into several batches.": "{name} 解压后超过 {most}。请分成几批。",
    "{count} files are too many for one batch: give at most {most}, in several batches.": (
        "一批 {count} 个文件太多：每批最多 {most} 个，请分批进行。"
    ),
}


def _pattern(said: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(said)))


_PATTERNS = [(_pattern(said), chinese) for said, chinese in _SAID.items()]


def in_chinese(message: str) -> str:
    """A message of the package in Chinese; as it is where it is not among those known here."""
    for pattern, chinese in _PATTERNS:
        if found := pattern.fullmatch(message):
            return chinese.format(**found.groupdict())
    return message
