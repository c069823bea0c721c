// What both npm clients of the end-to-end suite share; package e2e says how they are called and what they print.
'use strict';

const crypto = require('crypto');
const path = require('path');

const [host, port, user, password, scratch, mode, times] = process.argv.slice(2);
const MAX_PAYLOAD = (1 << 24) - 1;

exports.account = { host, port: Number(port), user, password };
exports.scratch = scratch;
exports.compress = Boolean(process.env.E2E_COMPRESS);
exports.allTypes = 'SELECT * FROM types WHERE id > ? ORDER BY id';
exports.midresult = 'SELECT id, (SELECT seq FROM seq_1_to_2 WHERE seq <= IF(r.id < 5000, 1, 2)) AS s FROM rows10k AS r ORDER BY id';
exports.parameters = [null, -1, -(2 ** 53 - 1), 2 ** 53 - 1, 1.5, true, '', 'grüße 🙂', Buffer.alloc(0),
  Buffer.from([0, 255, 39, 92]), 'p'.repeat(251), 'p'.repeat(70000)];
exports.edges = [250, 251, 65535, 65536, MAX_PAYLOAD - 5, MAX_PAYLOAD - 4, MAX_PAYLOAD - 3, MAX_PAYLOAD, MAX_PAYLOAD + 1];
exports.edgeQueries = [MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD].map((size) => {
  const literal = size - "\x03SELECT CRC32('')".length;
  return `SELECT CRC32('${'0123456789'.repeat(literal / 10 + 1).slice(0, literal)}') AS v`;
});
exports.seventeen = '0123456789abcdef'.repeat((17 << 20) / 16);
exports.columns = 'SELECT ' + Array.from({ length: 1000 }, (_, i) => `${i + 1} AS column_${i + 1}`).join(', ');

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex');
exports.digest = digest;

exports.loadFile = (name) => path.join(process.env.E2E_LOAD_FILES, name);
exports.sizeOf = (row) => `${row.length}=${digest(row).slice(0, 8)}`;
exports.rowsDigest = (rows) => `${rows.length} ${digest(rows.map((r) => `${r.id}|${r.name}\n`).join(''))}`;
exports.bodyDigest = (rows) => {
  const body = rows.map((r) => r.v).join('');
  return `${rows.length} ${body.length} ${digest(body)}`;
};

// show prints any value on one line, long texts by length and digest.
exports.show = function show(v) {
  if (v === null || v === undefined) return 'NULL';
  if (typeof v === 'bigint') return `${v}n`;
  if (v instanceof Date) return `Date(${Number.isNaN(v.getTime()) ? 'invalid' : v.toISOString()})`;
  if (Buffer.isBuffer(v)) return v.length > 32 ? `Buffer(${v.length}:${digest(v).slice(0, 12)})` : `0x${v.toString('hex')}`;
  if (typeof v === 'string') return v.length > 64 ? `${v.length}:${digest(v).slice(0, 12)}` : JSON.stringify(v);
  if (Array.isArray(v)) return `[${v.map(show).join(', ')}]`;
  if (typeof v === 'object') return `{${Object.entries(v).map(([k, x]) => `${k}: ${show(x)}`).join(', ')}}`;
  return String(v);
};

// error returns what a promise is rejected with; that it is not is not expected.
exports.error = async (promise) => {
  let value;
  try {
    value = await promise;
  } catch (e) {
    return e;
  }
  throw new Error(`no error but ${exports.show(value)}`);
};

const withTimeout = (promise, ms) => {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

// run runs the checks, or connects times over; connect asks one question on a new connection.
exports.run = async (checks, connect) => {
  if (mode === 'connect') {
    for (let i = 0; i < Number(times); i++) {
      const got = await withTimeout(connect(), 20000);
      if (got !== 'e2e@%') throw new Error(`connection ${i + 1} of ${times}: ${got}`);
    }
    console.log(`connect\t${times}`);
    process.exit();
  }
  for (const [name, check] of Object.entries(checks)) {
    let outcome;
    try {
      outcome = String(await withTimeout(check(), 20000));
    } catch (e) {
      outcome = `!UNEXPECTED ${e.code || ''} ${e.stack || e}`;
    }
    console.log(`${name}\t${outcome.replace(/\n/g, '\\n')}`);
  }
  process.exit(); // connections that a check left open end here
};
