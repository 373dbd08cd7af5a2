"""What runs in the browser when the page opens."""

from __future__ import annotations

MEND_NAMES = """
() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const mend = () => {
    each('div.empty[aria-label]:not([role])', (empty) => empty.setAttribute('role', 'img'));
    each('.upload-container[aria-label]:not(.icon-mode)', (box) => box.removeAttribute('aria-label'));
    each('button.icon-button:not([role]):has(.upload-container)', (outer) => {
      outer.setAttribute('role', 'group');
      outer.tabIndex = -1;
      const inner = outer.querySelector('.upload-container');
      inner.setAttribute('aria-label', outer.getAttribute('aria-label'));
      inner.tabIndex = 0;
    });
    each('.image-container > button:not([aria-label])', (button) => {
      button.setAttribute('aria-label', button.closest('.block').querySelector('label')?.innerText || 'Photo');
    });
  };
  new MutationObserver(mend).observe(document.body, {childList: true, subtree: true});
  mend();
}
"""
"""Mends what screen readers meet in Gradio's own parts: empty areas and photos without a name, upload boxes whose name
is not what they show, and a button inside a button."""
