// Comfort only: every page is complete without it.
"use strict";
const rows = [...document.querySelectorAll("table.sparse tbody tr, #subjects .card, #shards tbody tr")];
const search = document.getElementById("search");
if (search) {
  const found = document.getElementById("found");
  document.getElementById("search-label").hidden = false;
  search.form.addEventListener("submit", (event) => event.preventDefault());
  const filter = () => {
    const word = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(word);
      shown += row.hidden ? 0 : 1;
    }
    found.textContent = word ? `${shown} of ${rows.length} lines` : "";
  };
  search.addEventListener("input", filter);
  // A print has all rows; afterwards the page shows what its search says again.
  addEventListener("afterprint", filter);
}
function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  for (let at = target; at; at = at.parentElement) {
    at.hidden = false;
    if (at.tagName === "DETAILS") at.open = true;
  }
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();
addEventListener("beforeprint", () => {
  for (const row of rows) row.hidden = false;
  for (const one of document.querySelectorAll("details")) one.open = true;
});
