// Looks at each frame after all have loaded, and replaces the page by its faults and by how much there was to look at.
"use strict";
const LEAST = 4.5; // WCAG AA, text of a usual size.
const faults = [], looked = {};

function* texts(within) {
  const walker = within.ownerDocument.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (walker.currentNode.data.trim()) yield walker.currentNode;
}

const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
const light = ([red, green, blue]) => {
  const [r, g, b] = [red, green, blue].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

function contrast(element, view) {
  let behind = element;
  const ground = () => parts(view.getComputedStyle(behind).backgroundColor);
  while (behind.parentElement && (ground()[3] ?? 1) === 0) behind = behind.parentElement;
  const both = [light(parts(view.getComputedStyle(element).color)), light(ground())];
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}

function look(frame) {
  const page = frame.contentDocument, view = frame.contentWindow, width = view.innerWidth;
  const fault = (text) => faults.push(`${frame.title}: ${text}`);
  const dark = view.matchMedia("(prefers-color-scheme: dark)").matches;
  if (dark !== frame.title.endsWith("dark")) fault("the browser has no scheme of colours for frames");
  for (const details of page.querySelectorAll("details")) details.open = true;
  for (const card of page.querySelectorAll(".card")) card.style.contentVisibility = "visible";
  for (const element of [page.documentElement, page.body, ...page.querySelectorAll(".scroll, th, td, li, dd, p, summary")]) {
    const style = view.getComputedStyle(element);
    if (style.display === "none" || style.display === "inline" || element.closest(".sr")) continue;
    if (element.scrollWidth > element.clientWidth) fault(`cut by ${element.scrollWidth - element.clientWidth}: <${element.tagName}> ${element.textContent.slice(0, 60)}`);
  }
  const seen = new Set(), changes = [...page.querySelectorAll(".plan tr:has(.change)")];
  looked[frame.title] = { texts: [...texts(page.body)].length, changes: changes.length };
  for (const text of texts(page.body)) {
    const element = text.parentElement, range = page.createRange();
    if (element.closest("script, style, .skip, caption") || !element.checkVisibility()) continue;
    range.selectNodeContents(text);
    for (const box of range.getClientRects()) if (box.right > width + 1 || box.left < -1) fault(`outside of the page: ${text.data.slice(0, 60)}`);
    const ratio = contrast(element, view), key = `${element.tagName}.${element.className} ${ratio.toFixed(1)}`;
    if (ratio < LEAST && !seen.has(key)) fault(`contrast ${key}: ${text.data.slice(0, 40)}`);
    seen.add(key);
  }
  let level = 0;
  for (const heading of page.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) fault(`h${next} after h${level}: ${heading.textContent}`);
    level = next;
  }
  for (const row of changes) {
    const top = (element) => element.getBoundingClientRect().top, change = row.querySelector("td:has(.change)");
    if (width < 400 && [...row.children].some((cell) => cell !== change && view.getComputedStyle(cell).display !== "none" && top(cell) <= top(change))) fault(`the change is not first: ${row.textContent}`);
  }
}

addEventListener("load", () => {
  const frames = [...document.querySelectorAll("iframe")];
  frames.forEach(look);
  document.body.innerHTML = "<pre></pre>";
  document.querySelector("pre").textContent = JSON.stringify({ faults, looked });
});
