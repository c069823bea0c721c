// The pool of npm mysql2; package e2e says how it is called and what it prints.
'use strict';

const mysql = require('mysql2/promise');

const [host, port, user, password, database, other, size, single] = process.argv.slice(2);
const WORKERS = 8;
const STATE = '@held, @@time_zone, DATABASE()';

const pool = mysql.createPool({ host, port: Number(port), user, password, database: other, connectionLimit: Number(size), connectTimeout: 20000 });
const held = new WeakMap(); // what each connection's session holds: it is set up once
const count = { connections: 0, statements: 0, errors: 0, lost: 0 };
const samples = [];
let ending = false;

const zone = (id) => `+02:${String(id % 60).padStart(2, '0')}`;
const sample = (text) => { if (samples.length < 5) samples.push(text.replace(/\s+/g, ' ')); };
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

function verify([rows], want) {
  const got = rows[0];
  const wrong = want.findIndex((value, i) => got[i] !== value);
  if (wrong < 0) {
    count.statements++;
    return;
  }
  count.lost++;
  sample(`column ${wrong + 1} is ${got[wrong]}, not ${want[wrong]}`);
}

async function turn(c, n) {
  let id = held.get(c.connection);
  if (single) {
    if (!id) held.set(c.connection, ++count.connections);
    const [rows] = await c.query({ sql: `SELECT 'token-${n}'`, rowsAsArray: true });
    if (rows[0][0] === `token-${n}`) count.statements++;
    else count.lost++;
    return;
  }
  if (!id) {
    id = ++count.connections;
    await c.query(`SET @held = 'node-${id}'`);
    await c.query(`SET time_zone = '${zone(id)}'`);
    await c.query(`USE ${database}`);
    held.set(c.connection, id);
  }
  const want = [`token-${n}`, `node-${id}`, zone(id), database];
  const transaction = n % 10 === 9;
  if (transaction) await c.beginTransaction();
  verify(await c.execute({ sql: `SELECT ?, ${STATE}`, rowsAsArray: true }, [want[0]]), want);
  verify(await c.query({ sql: `SELECT '${want[0]}', ${STATE}`, rowsAsArray: true }), want);
  if (transaction) await c.commit();
}

// lend takes a connection from the pool. The pool does not look at it; where VALIDATE is set, its user does, by a COM_PING.
async function lend() {
  for (;;) {
    const c = await pool.getConnection();
    if (!process.env.VALIDATE) return c;
    try {
      await c.ping();
      return c;
    } catch {
      c.destroy();
    }
  }
}

async function work() {
  for (let n = 0; !ending; n++) {
    let c;
    try {
      c = await lend();
      await turn(c, n);
      c.release();
    } catch (e) {
      count.errors++;
      sample(String(e));
      if (c) c.destroy();
    }
    await sleep(5 + (n % 10));
  }
}

async function main() {
  const workers = Array.from({ length: WORKERS }, work);
  console.log('ready');
  process.stdin.resume();
  await new Promise((done) => { process.stdin.on('end', done); });
  ending = true;
  await Promise.all(workers);
  await pool.end();
  for (const [name, value] of Object.entries(count)) console.log(`${name}\t${value}`);
  samples.forEach((text, i) => console.log(`sample.${i + 1}\t${text}`));
}

main();
