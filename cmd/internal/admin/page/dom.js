// The few things that are done with elements. Text is only ever set as text, never as HTML.

export const byId = (id) => document.getElementById(id);

// element makes one, with attributes and children; text is a child.
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

// svg makes one of a picture.
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== "" && child !== null));
  return made;
}

// setText changes a text only where it is another: whoever selects or reads it is not disturbed.
export function setText(of, text) {
  if (of.textContent !== String(text)) of.textContent = text;
}

export const show = (what, shown) => { what.hidden = !shown; };

// cell is one of a table; label says what it is where there is no room for columns.
export function cell(label, className, ...children) {
  return element("td", { role: "cell", "data-label": label, class: className || undefined }, ...children.map(String).filter((text) => text !== ""));
}

export function cellOf(label, className, ...children) {
  const td = element("td", { role: "cell", "data-label": label, class: className || undefined }, ...children);
  if (children.length === 0) td.classList.add("empty");
  return td;
}

export const rowHead = (...children) => element("th", { scope: "row", role: "rowheader", class: "name" }, ...children);

export const row = (...cells) => element("tr", { role: "row" }, ...cells);

export const state = (word, kind = word) => element("span", { class: "state " + kind }, word);

// keep has one child of into for each item, in their order, and makes only those that are not there yet: what has the focus keeps it.
export function keep(into, items, key, make, update) {
  const there = new Map([...into.children].map((child) => [child.dataset.key, child]));
  let before = null;
  for (const item of items) {
    let child = there.get(key(item));
    there.delete(key(item));
    if (!child) {
      child = make(item);
      child.dataset.key = key(item);
    }
    update(child, item);
    const place = before ? before.nextSibling : into.firstChild;
    if (child !== place) into.insertBefore(child, place);
    before = child;
  }
  for (const gone of there.values()) gone.remove();
}

// letScroll has the keyboard come to each table that is wider than its place, and to no other.
export function letScroll() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

let saying = null;

// say has a screen reader say something, the latest thing if there is much.
export function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => { byId("said").textContent = text; }, 300);
}
