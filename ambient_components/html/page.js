// Comfort only: every page is complete without it.
"use strict";
const search = document.getElementById("search");
if (search) {
  const rows = [...document.querySelectorAll("main tbody tr, main .card")];
  search.parentElement.hidden = false;
  search.addEventListener("input", () => {
    const word = search.value.trim().toLowerCase();
    for (const row of rows) row.classList.toggle("miss", !row.textContent.toLowerCase().includes(word));
    const shown = rows.filter((row) => !row.classList.contains("miss")).length;
    document.getElementById("shown").textContent = word ? `${shown} of ${rows.length} rows` : "";
  });
}
function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) {
    at.classList.remove("miss");
    if (at.tagName === "DETAILS") at.open = true;
  }
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
