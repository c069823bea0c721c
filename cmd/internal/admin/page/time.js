// The server's clock: the reader's may be wrong by hours, and what is shown has the server's times.

let ahead = 0; // ms by which it is ahead of the reader's

// serverNow is what it shows now.
export const serverNow = () => Date.now() + ahead;

// heard takes a time that the server has just told.
export function heard(time) {
  const at = Date.parse(time);
  if (!Number.isNaN(at)) ahead = at - Date.now();
}
