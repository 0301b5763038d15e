import type { Page } from 'playwright-core';

/**
 * Returns the defects of the layout of a page: the page scrolls sideways, an element is cut off or outside of the page, or a
 * target is smaller than 24 by 24 CSS pixels (WCAG 2.5.8). Texts for screen readers only are left out.
 */
export const layoutDefects = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    const minTarget = 24;
    const root = document.documentElement;
    const defects: string[] = [];
    const describe = (element: Element) =>
      `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 30)}"`;
    const isHidden = (element: Element) =>
      element.closest('.visually-hidden, .skip') !== null || !element.checkVisibility({ visibilityProperty: true });
    if (root.scrollWidth > root.clientWidth) defects.push(`the page is ${root.scrollWidth} px wide`);
    for (const element of document.body.querySelectorAll('*')) {
      if (isHidden(element)) continue;
      const { left, right, width, height } = element.getBoundingClientRect();
      if (left < -0.5 || right > root.clientWidth + 0.5) defects.push(`outside: ${describe(element)}`);
      const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
      const isCut =
        (overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1) ||
        (overflowY === 'hidden' && element.scrollHeight > element.clientHeight + 1) ||
        textOverflow === 'ellipsis';
      if (isCut && !(element instanceof HTMLInputElement)) defects.push(`cut off: ${describe(element)}`);
      if (!element.matches('a[href], button, input, select, textarea, summary')) continue;
      const target = element.closest('label')?.getBoundingClientRect() ?? { width, height };
      if (target.width < minTarget || target.height < minTarget)
        defects.push(`${target.width} by ${target.height} px: ${describe(element)}`);
    }
    // Two texts at the same place cannot be read. A modal dialog covers the page.
    const shown = document.querySelector('dialog[open]') ?? document;
    const texts = [...shown.querySelectorAll('bdi, time, button, a[href], label, h1, h2, dt, dd')].filter(
      (element) => !isHidden(element),
    );
    const lines = texts.flatMap((element) => [...element.getClientRects()].map((box) => ({ element, box })));
    for (const [index, { element, box }] of lines.entries()) {
      for (const other of lines.slice(index + 1)) {
        if (element.contains(other.element) || other.element.contains(element)) continue;
        const width = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const height = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (width > 2 && height > 2) defects.push(`overlap: ${describe(element)} and ${describe(other.element)}`);
      }
    }
    return [...new Set(defects)];
  });
