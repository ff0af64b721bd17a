
"use strict";
for (const part of document.querySelectorAll(".part")) {
  const lanes = [...part.querySelectorAll("ol.track")].map((lane) => [...lane.querySelectorAll("button")]);
  const buttons = lanes.flat();
  const details = part.querySelector(".details");
  const chosen = details.querySelector(".chosen");
  let current = null;

  const paragraph = (name, text) => {
    const made = document.createElement("p");
    made.className = name;
    made.textContent = text;
    return made;
  };
  const choose = (button) => {
    if (button === current) return;
    if (current) {
      current.removeAttribute("aria-current");
      current.parentElement.classList.remove("chosen-step");
      current.tabIndex = -1;
      document.getElementById(current.dataset.row).classList.remove("chosen-row");
    }
    current = button;
    button.tabIndex = 0;
    button.setAttribute("aria-current", "true");
    button.parentElement.classList.add("chosen-step");
    const row = document.getElementById(button.dataset.row);
    row.classList.add("chosen-row");
    const [time, who] = row.cells;
    const made = [
      paragraph("when", `${time.textContent}, ${who.textContent.trim()}`),
      paragraph("what", row.querySelector(".what").textContent),
    ];
    const json = row.querySelector("pre");
    if (json) made.push(json.cloneNode(true));
    chosen.replaceChildren(...made);
    details.scrollTop = 0;
  };
  const centre = (button) => button.getBoundingClientRect().left;
  const beside = (button, lane) => {
    const place = centre(button) + 1;
    let found = lane[0];
    for (const each of lane) if (centre(each) <= place) found = each;
    return found;
  };
  const target = (button, key) => {
    const row = lanes.findIndex((lane) => lane.includes(button));
    const lane = lanes[row];
    const at = lane.indexOf(button);
    switch (key) {
      case "ArrowLeft": return lane[at - 1];
      case "ArrowRight": return lane[at + 1];
      case "ArrowUp": return row > 0 ? beside(button, lanes[row - 1]) : undefined;
      case "ArrowDown": return row + 1 < lanes.length ? beside(button, lanes[row + 1]) : undefined;
      case "Home": return lane[0];
      case "End": return lane[lane.length - 1];
      default: return null;
    }
  };
  const scroll = part.querySelector(".scroll");
  scroll.addEventListener("focusin", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button);
  });
  scroll.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    choose(button);
    // A keyboard's click: Enter or Space.
    if (event.detail === 0) details.focus();
  });
  scroll.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !event.target.closest("button")) return;
    const found = target(event.target.closest("button"), event.key);
    if (found === null) return;
    event.preventDefault();
    if (found) found.focus();
  });
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && current) current.focus();
  });
  for (const each of buttons) each.tabIndex = -1;
  const first = part.querySelector(".replay button") || part.querySelector(".operator button") || buttons[0];
  if (first) {
    choose(first);
    scroll.scrollLeft = first.parentElement.offsetLeft - scroll.clientWidth / 2;
  }
}
