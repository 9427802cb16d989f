"use strict";
// Filters the cases that the arms disagree on. All of them are there without it.
(() => {
  const filters = document.getElementById("filters");
  if (!filters) return;
  const arm = document.getElementById("filter-arm");
  const outcome = document.getElementById("filter-outcome");
  const count = document.getElementById("filter-count");
  const cases = Array.from(document.querySelectorAll("#cases > details"));
  const matches = (held) => held.split(" ").some((one) => {
    const [place, came] = one.split(":");
    return (!arm.value || place === arm.value) && (!outcome.value || came === outcome.value);
  });
  const apply = () => {
    let shown = 0;
    for (const one of cases) {
      one.hidden = !matches(one.dataset.outcomes);
      shown += one.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${cases.length} shown`;
  };
  arm.addEventListener("change", apply);
  outcome.addEventListener("change", apply);
  filters.hidden = false;
  apply();
})();
