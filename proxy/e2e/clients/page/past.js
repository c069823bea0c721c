// What the page makes of what it is told, with times and in an order that no test could have a server choose.
'use strict';

// checkPast runs in the page, with the address of its scripts, and gives what is wrong.
module.exports = async function checkPast(scripts) {
  const { Past, pauses } = await import(scripts + 'past.js');
  const { heard, serverNow } = await import(scripts + 'time.js');
  const wrong = [];
  const same = (is, want, what) => {
    if (JSON.stringify(is) !== JSON.stringify(want)) wrong.push(`${what}: ${JSON.stringify(is)}, want ${JSON.stringify(want)}`);
  };
  const zero = Date.parse('2026-01-01T10:00:00Z');
  const at = (s) => new Date(zero + s * 1000).toISOString();
  const sums = { sessions: 1, seconds: 1, seen: 1 };
  const tick = (number) => ({ number, time: at(number), total: { time: at(number), ...sums }, backends: { fe: { time: at(number), ...sums } }, failures: [{ time: at(number), kind: 'idle', count: 1 }], moves: [], changes: [] });
  const history = (until) => ({
    began: at(0), until: at(until + 0.5), total: [{ time: at(until), ...sums }], failures: [{ time: at(until), kind: 'idle', count: 1 }], moves: [], changes: [],
    lanes: [{ name: 'fe', states: [{ since: at(0), health: 'up', admin: 'ready' }], samples: [{ time: at(until), ...sums }] }],
  });
  const seconds = (list) => list.map((v) => (v.at - zero) / 1000);
  const ahead = serverNow() - Date.now();

  // The reader's clock is years from the server's.
  heard(at(1));
  if (Math.abs(serverNow() - Date.parse(at(1))) > 5000) wrong.push(`the server's time is taken for ${new Date(serverNow())}`);
  const past = new Past();
  past.load(history(1), past.expect());
  past.tick(tick(2));
  same(seconds(past.total), [1, 2], 'with a clock that is wrong there are the seconds');

  // What comes while the history is on its way is part of it.
  const [first, second] = [past.expect(), past.expect()];
  past.tick(tick(3));
  past.tick(tick(4));
  past.backend({ name: 'fe', since: at(3.5), health: 'down', admin: 'ready' });
  past.backend({ name: 'fe', since: at(3.7), health: 'up', admin: 'ready' });
  past.tick(tick(5));
  same(past.load(history(0), first), false, 'an answer that is not waited for any more is taken');
  same(past.load(history(3), second), true, 'the answer that is waited for is taken');
  for (const [what, list] of Object.entries({ total: past.total, samples: past.lanes[0].samples, failures: past.failures })) same(seconds(list), [3, 4, 5], `${what} behind a history of 3 s`);
  same(past.lanes[0].states.map((s) => [s.health, (s.at - zero) / 1000]), [['up', 0], ['down', 3.5], ['up', 3.7]], 'states');
  same(past.tick(tick(6)), true, 'none is missing');
  past.missed(past.expect());
  past.load(history(6), past.expect());
  past.tick(tick(7));
  same(seconds(past.total), [6, 7], 'behind a question without an answer there are');

  // A pause ends when it has lasted as long as it may, though nobody says so.
  const acts = (...list) => list.map(([s, what]) => ({ at: s * 1000, what }));
  for (const [changes, paused, want] of [
    [acts([10, 'pause for 30s'], [500, 'pause for 1m0s'], [520, 'resume']), null, [[10, 40], [500, 520]]],
    [acts([10, 'pause for 30s'], [100, 'resume']), null, [[10, 40]]],
    [acts([10, 'pause for 30s'], [20, 'pause for 1m30s'], [30, 'drain fe']), null, [[10, 110]]],
    [acts([10, 'pause'], [500, 'reload']), null, [[10, 310]]],
    [acts([590, 'pause for 1h']), null, [[590, 600]]],
    [acts([10, 'pause for 30s'], [580, 'pause for 5m']), { since: new Date(581000).toISOString() }, [[10, 40], [581, 600]]],
    [acts(), { since: new Date(5000).toISOString() }, [[5, 600]]],
  ]) same(pauses(changes, paused, 600000).map((p) => p.map((ms) => ms / 1000)), want, `pauses of ${changes.map((c) => c.what)}`);
  heard(new Date(Date.now() + ahead).toISOString());
  return wrong;
};
