/** Puts texts into the page. They are texts only, never markup, wherever they come from. */

/**
 * The element with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element "${id}"`);
  return element;
}

/**
 * Writes a text, if it is another one: what has not changed is not read out again, and stays selected.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * An element with a text.
 * @param {string} name
 * @param {string} text
 * @param {string} [className]
 */
export function textElement(name, text, className) {
  const element = document.createElement(name);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/**
 * @typedef {object} Cell
 * @property {string} text
 * @property {string} [className]
 * @property {string} [title]
 */

/**
 * Makes the rows of a table what `rows` says. Rows that are there are used again. `empty` stands in a table without any.
 * @param {HTMLElement} body
 * @param {readonly (readonly Cell[])[]} rows
 * @param {string} empty
 */
export function setRows(body, rows, empty) {
  const columns = body.closest("table")?.querySelectorAll("th").length ?? 1;
  const isEmpty = rows.length === 0;
  const wanted = isEmpty ? [[{ text: empty, className: "quiet" }]] : rows;
  wanted.forEach((cells, index) => {
    const row = body.children[index] ?? body.appendChild(document.createElement("tr"));
    while (row.children.length > cells.length) row.lastElementChild?.remove();
    cells.forEach(({ text, className = "", title = "" }, column) => {
      const cell = /** @type {HTMLTableCellElement} */ (
        row.children[column] ?? row.appendChild(document.createElement("td"))
      );
      setText(cell, text);
      cell.className = className;
      cell.title = title;
      cell.colSpan = isEmpty ? columns : 1;
    });
  });
  while (body.children.length > wanted.length) body.lastElementChild?.remove();
}

/**
 * Makes a list of terms and values what `entries` says.
 * @param {HTMLElement} list
 * @param {readonly { term: string, value: string, className?: string }[]} entries
 */
export function setFigures(list, entries) {
  entries.forEach(({ term, value, className = "" }, index) => {
    let group = list.children[index];
    if (!group) {
      group = list.appendChild(document.createElement("div"));
      group.append(document.createElement("dt"), document.createElement("dd"));
    }
    group.className = className;
    setText(/** @type {Element} */ (group.firstElementChild), term);
    setText(/** @type {Element} */ (group.lastElementChild), value);
  });
  while (list.children.length > entries.length) list.lastElementChild?.remove();
}
